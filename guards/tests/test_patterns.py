import base64
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.detectors import detector
from guards.detectors.linear import compiled
from guards.detectors.patterns import PATTERN_CHARACTERS, PATTERNS
from guards.spans import masked
from guards.tests.hostile import DISGUISES, FORBIDDEN
from restai_site.lib.errors import Invalid

FINDER = detector("patterns")


def found(text, **configuration):
    values = FINDER.cleaned(configuration)
    return [(span.category, text[span.start : span.end]) for span in FINDER.find(text, values)]


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_forbidden_phrase_is_found_in_every_disguise(disguise):
    hidden = DISGUISES[disguise](FORBIDDEN)
    assert found(f"I know {hidden} well", words=[FORBIDDEN])


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_disguised_phrase_is_masked_whole(disguise):
    hidden = DISGUISES[disguise](FORBIDDEN)
    text = f"I know: {hidden} well"
    spans = FINDER.find(text, FINDER.cleaned({"words": [FORBIDDEN]}))
    rest = masked(text, spans)
    assert FINDER.find(rest, FINDER.cleaned({"words": [FORBIDDEN]})) == []
    assert rest.startswith("I know: ")
    assert rest.endswith(" well")


def test_words_are_found_whole():
    assert found("class assassin ass", words=["ass"]) == [("word", "ass")]


def test_words_are_found_beside_signs_and_at_both_ends():
    assert len(found("bad, (bad) bad", words=["bad"])) == 3


def test_the_words_of_a_phrase_may_stand_on_two_lines():
    assert found("a project\n  blue b", words=["Project Blue"]) == [("word", "project\n  blue")]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("Fußball", "FUSSBALL? Nein, FUẞBALL"),
        ("café", "CAFE"),
        ("naïve", "nai\u0308ve"),
        ("密码", "我的密码是"),
    ],
)
def test_words_are_found_without_accents_and_in_any_script(word, text):
    assert found(text, words=[word])


def test_overlapping_phrases_are_both_masked():
    values = FINDER.cleaned({"words": ["red green", "green blue"]})
    assert masked("red green blue", FINDER.find("red green blue", values)) == "[word]"


def test_expressions_are_found_in_any_case_unless_told():
    assert found("Case-77", expressions=[r"case-\d+"]) == [("expression", "Case-77")]
    assert found("Case-77", expressions=[r"case-\d+"], any_case=False) == []


def test_expressions_are_found_in_what_is_encoded():
    hidden = base64.b64encode(b"please open case-77 now").decode()
    assert found(f"read {hidden}", expressions=[r"case-\d+"]) == [("expression", hidden)]


def test_an_expression_that_hangs_other_engines_is_answered():
    """Threat 94. In Python's engine this doubles with each letter: 2^40 steps for 40 of them."""
    assert found("a" * 100_000 + "!", expressions=["(a+)+$", "(a|aa)+$", "(.*a){20}$"]) == []


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(a", "missing ): (a"),
        ("(?=a)", "looking ahead or behind is not supported"),
        (r"(a)\1", r"\1 is not supported"),
        ("((a{100}){100}){100}", "it repeats too much"),
        ("((((x{30}){30})y?){30})", "it repeats too much"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said(expression, reason):
    with pytest.raises(Invalid) as error:
        FINDER.cleaned({"expressions": [expression]})
    assert error.value.fields == {
        "expressions": [f"Correct the expression {expression[:50]}: {reason}."]
    }


def test_half_a_character_in_an_expression_is_refused():
    with pytest.raises(Invalid) as error:
        FINDER.cleaned({"expressions": ["\ud800"]})
    assert error.value.fields == {
        "expressions": ["Take out of the expressions what is no character."]
    }


@pytest.mark.parametrize("expression", ["a*", "^", "x|"])
def test_an_expression_that_matches_nothing_is_refused(expression):
    with pytest.raises(Invalid) as error:
        FINDER.cleaned({"expressions": [expression]})
    assert "matches an empty text" in error.value.fields["expressions"][0]


def test_there_are_limits_for_how_many_and_how_long():
    assert FINDER.cleaned({"words": [f"w{number}" for number in range(PATTERNS)]})
    for words in (
        [f"w{number}" for number in range(PATTERNS + 1)],
        ["x" * (PATTERN_CHARACTERS + 1)],
    ):
        for name in ("words", "expressions"):
            with pytest.raises(Invalid) as error:
                FINDER.cleaned({name: words})
            assert list(error.value.fields) == [name]


def test_a_line_of_invisible_characters_is_refused():
    with pytest.raises(Invalid) as error:
        FINDER.cleaned({"words": ["\u200b\u2060"]})
    assert list(error.value.fields) == ["words"]


def test_an_expression_that_needs_too_much_memory_is_refused():
    with pytest.raises(Invalid):
        compiled(r"\pL{900}", memory=1 << 16)


@given(st.text(max_size=60))
def test_any_text_can_be_searched(text):
    values = FINDER.cleaned({"words": [FORBIDDEN, "ß", "密"], "expressions": ["[^a]b", "."]})
    for span in FINDER.find(text, values):
        assert 0 <= span.start < span.end <= len(text)


@given(st.text(min_size=1, max_size=12))
def test_any_word_can_be_forbidden_or_is_refused(word):
    try:
        values = FINDER.cleaned({"words": [word]})
    except Invalid:
        return
    if values["words"]:
        assert FINDER.find(f" {word} ", values)


@given(st.text(max_size=40))
def test_composed_and_decomposed_texts_give_the_same(text):
    values = FINDER.cleaned({"words": ["é", "ü", "한"], "expressions": ["[éü]"]})
    counts = {
        tuple(
            span.category
            for span in FINDER.find(unicodedata.normalize(form, f"é ü {text}"), values)
        )
        for form in ("NFC", "NFD")
    }
    assert len(counts) == 1
