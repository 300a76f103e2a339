import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.detectors import detector
from guards.detectors.injection import HIDDEN_BONUS
from guards.tests.hostile import DISGUISES, HARMLESS, INJECTIONS, OVERRIDE

FINDER = detector("injection")
DEFAULTS = FINDER.cleaned({})


def kinds(text):
    return {span.category for span in FINDER.find(text, DEFAULTS)}


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in INJECTIONS.items() for text in texts]
)
def test_the_usual_wordings_are_found(kind, text):
    assert kind in kinds(text)


@pytest.mark.parametrize("disguise", DISGUISES)
def test_an_injection_is_found_in_every_disguise(disguise):
    """Threat 85."""
    assert kinds("Hello! " + DISGUISES[disguise](OVERRIDE)) & {"override", "hidden_text"}


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_texts_are_not_blamed(text):
    assert kinds(text) == set()


def test_what_was_hidden_on_purpose_scores_higher():
    plain = FINDER.find(OVERRIDE, DEFAULTS)[0].score
    hidden = FINDER.find(DISGUISES["rot13"](OVERRIDE), DEFAULTS)[0].score
    assert hidden == pytest.approx(plain + HIDDEN_BONUS)


def test_findings_under_the_threshold_are_left_out():
    text = "From now on you are a pirate."
    assert FINDER.find(text, FINDER.cleaned({"threshold": 0.6}))
    assert FINDER.find(text, FINDER.cleaned({"threshold": 0.95})) == []


def test_an_injection_is_pointed_at_within_a_long_text():
    before = "All is well. " * 500
    (first, *_) = FINDER.find(before + OVERRIDE, DEFAULTS)
    assert first.start == len(before)


@given(st.text(max_size=80))
def test_any_text_can_be_searched(text):
    for span in FINDER.find(text, DEFAULTS):
        assert 0 <= span.start < span.end <= len(text)


@given(st.text(max_size=40))
def test_composed_and_decomposed_texts_give_the_same(text):
    words = f"Vergiss übergehe Règles oubliez les règles {text}"
    composed, decomposed = (unicodedata.normalize(form, words) for form in ("NFC", "NFD"))
    assert kinds(composed) == kinds(decomposed)
