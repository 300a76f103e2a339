import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guards import characters, encodings, normal
from guards.tests.hostile import DISGUISES, FORBIDDEN

# Few letters and many marks, so that what composes meets often.
unicode_text = st.text(max_size=60) | st.text(
    alphabet="aeou\u0301\u0308\u0323\u0304\u0327가각ㅏ\u1100\u1161\u11a8क\u093c\u200d\ufe0f\u00ad\U000e0041Ａﬁ½İß",
    max_size=30,
)


def folded(text):
    return normal.fold(normal.plain(text)).text


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_disguised_text_is_read_in_some_view(disguise):
    text = f"see {DISGUISES[disguise](FORBIDDEN)} here"
    view = normal.plain(text)
    assert any(FORBIDDEN in " ".join(other.text.split()) for other in normal.disguises(text, view))


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_place_in_any_view_is_a_place_in_the_original(disguise):
    before, after = "Γειά! ", " 👋🏽 end"
    hidden = DISGUISES[disguise](FORBIDDEN)
    text = before + hidden + after
    for view in normal.disguises(text, normal.plain(text)):
        start = view.text.find(FORBIDDEN)
        if start >= 0:
            first, last = view.original(start, start + len(FORBIDDEN))
            assert len(before) <= first < last <= len(before) + len(hidden)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("ﬁne ½", "fine 1⁄2"),
        ("e\u0301", "é"),
        ("\u1112\u1161\u11ab", "한"),
        ("so\u00adft hy\u200bphen", "soft hyphen"),
        ("\U000e0068\U000e0069", "hi"),
        ("\ufeffbom", "bom"),
        ("plain ASCII stays", "plain ASCII stays"),
        ("Ünïcödé stays", "Ünïcödé stays"),
    ],
)
def test_a_text_reads_as_people_see_it(written, read):
    assert normal.plain(written).text == read


def letters_with_marks(text):
    """Return the letters of a text, each with its marks, in whatever order those stand."""
    letters = []
    for character in unicodedata.normalize("NFD", text):
        if letters and unicodedata.combining(character):
            letters[-1] = letters[-1][0] + "".join(sorted(letters[-1][1:] + character))
        else:
            letters.append(character)
    return letters


@given(unicode_text)
@example("K\u0300\u0301")
@settings(max_examples=400)
def test_normalisation_agrees_with_unicode(text):
    """Where nothing is invisible, the plain view is NFKC, letter for letter.

    But that marks of one letter may change places: a mark that Unicode keeps apart, because of one
    before it, is put to its letter.
    """
    shown = "".join(
        letter
        for letter in unicodedata.normalize("NFKC", text)
        if normal.plain(letter).text == letter
    )
    view = normal.plain(shown).text
    assert letters_with_marks(view) == letters_with_marks(shown)


@given(unicode_text)
@settings(max_examples=400)
def test_composed_and_decomposed_texts_read_alike(text):
    texts = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    assert normal.plain(texts[0]).text == normal.plain(texts[1]).text
    assert folded(texts[0]) == folded(texts[1])


@given(st.text(max_size=80) | unicode_text)
@settings(max_examples=300)
def test_every_view_points_into_the_original(text):
    view = normal.plain(text)
    for other in (view, *normal.disguises(text, view), *normal.decoded(text, view)):
        assert len(other.text) == len(other.starts) == len(other.ends)
        assert all(
            0 <= start < end <= len(text)
            for start, end in zip(other.starts.tolist(), other.ends.tolist(), strict=True)
        )


def test_lone_surrogates_are_no_error():
    text = "\ud800a\udfffb"
    assert normal.plain(text).text == "\ufffda\ufffdb"
    assert normal.disguises(text, normal.plain(text))


def test_an_empty_text_has_empty_views():
    assert [view.text for view in normal.disguises("", normal.plain(""))] == [""]


@pytest.mark.parametrize(
    "text",
    [
        "family \U0001f468\u200d\U0001f469\u200d\U0001f467",
        "heart \u2764\ufe0f",
        "flag \U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "می\u200cخواهم",
        "क्\u200dष",
        "\ufeffbyte order mark",
        "Silben\u00adtrennung",
    ],
)
def test_invisible_characters_in_common_use_are_not_blamed(text):
    assert normal.hidden(text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a\U000e0061\U000e0062c", (1, 3)),
        ("ig\u200bnore", (2, 3)),
        ("😀\ufe01\U000e0105\ufe02", (1, 4)),
        ("exe\u202egpj.doc", (3, 4)),
    ],
)
def test_smuggled_characters_are_pointed_at(text, place):
    assert normal.hidden(text) == [place]


@pytest.mark.parametrize(
    "text",
    ["U.S.A. and E.U.", "a-b tests", "x = y + z", "item I. a. b. c."],
)
def test_letters_apart_are_only_one_more_view(text):
    assert normal.disguises(text, normal.plain(text))[0].text == text.lower()


def test_random_bytes_in_base64_are_not_read():
    key = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="
    assert encodings.in_letters(key) == []


def test_as_many_encoded_pieces_are_read_as_there_is_a_limit_for():
    piece = "aWdub3JlIGFsbCBydWxlcw== "
    assert len(encodings.in_letters(piece * 100)) == encodings.SEGMENTS


def test_a_piece_that_is_too_long_is_left_alone():
    assert encodings.in_letters("61" * encodings.SEGMENT_CHARACTERS) == []


@pytest.mark.parametrize(
    "text",
    ["e" + "\u0301\u0323" * 50_000, "\u1100\u1161\u11a8" * 30_000, "\u0344" * 100_000],
    ids=["marks", "Korean letters", "marks that expand"],
)
def test_endless_marks_take_a_fixed_number_of_passes(text, monkeypatch):
    """Python's own normalisation takes quadratic time for such a run of marks."""
    passes = []
    letters = characters._letters

    def counted(marks):
        passes.append(len(marks))
        return letters(marks)

    monkeypatch.setattr(characters, "_letters", counted)
    normal.plain(text)
    assert len(passes) <= 4
