import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.detectors import detector
from guards.spans import masked
from guards.tests.hostile import NO_SECRETS, SECRETS

FINDER = detector("secrets")
ALL = FINDER.cleaned({})
EXAMPLES = [(kind, text) for kind, texts in SECRETS.items() for text in texts]


def kinds(text):
    return [span.category for span in FINDER.find(text, ALL)]


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_a_secret_is_found_in_a_text(kind, text):
    assert kind in kinds(f"Look at this:\n{text}\nIs it right?")


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_a_secret_with_invisible_characters_is_found(kind, text):
    assert kind in kinds("\u200b".join(text))


@pytest.mark.parametrize("text", NO_SECRETS)
def test_placeholders_and_hashes_are_not_blamed(text):
    assert kinds(text) == []


def test_only_the_value_is_masked():
    value = "q7Zk2VbX9m" + "Pw4RtY8s"
    text = f"db_password = '{value}' # keep"
    assert masked(text, FINDER.find(text, ALL)) == "db_password = '[assigned_secret]' # keep"


def test_a_private_key_is_masked_whole():
    text = f"before\n{SECRETS['private_key'][0]}\nafter"
    assert masked(text, FINDER.find(text, ALL)) == "before\n[private_key]\nafter"


def test_a_private_key_that_is_cut_off_is_masked_to_its_end():
    text = SECRETS["private_key"][1]
    assert masked(text, FINDER.find(text, ALL)) == "[private_key]"


def test_words_are_no_random_values():
    assert kinds("password: correcthorsebatterystaple") == []


@given(st.lists(st.sampled_from(EXAMPLES).map(lambda example: example[1]), max_size=4))
def test_a_masked_text_holds_no_secret(parts):
    text = "\n\n".join(parts)
    assert FINDER.find(masked(text, FINDER.find(text, ALL)), ALL) == []


@given(st.text(max_size=80))
def test_any_text_can_be_searched(text):
    for span in FINDER.find(text, ALL):
        assert 0 <= span.start < span.end <= len(text)
