from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.spans import Span, masked, merge

spans = st.lists(
    st.builds(
        lambda start, length, category, score: Span(start, start + length, category, score),
        st.integers(0, 40),
        st.integers(1, 12),
        st.sampled_from(["email", "card", "phone"]),
        st.floats(0, 1),
    ),
    max_size=12,
)


def test_what_was_found_is_masked_by_its_category():
    text = "Write to a@b.org or pay by 4111."
    assert masked(text, [Span(9, 16, "email"), Span(27, 31, "card")]) == (
        "Write to [email] or pay by [card]."
    )


def test_nothing_found_leaves_the_text():
    assert masked("untouched", []) == "untouched"


def test_overlapping_findings_are_one_named_by_the_surest():
    found = merge([Span(4, 9, "phone", 0.8), Span(0, 5, "card", 1.0), Span(9, 12, "email")])
    assert found == [Span(0, 9, "card", 1.0), Span(9, 12, "email")]


def test_of_equally_sure_findings_the_longest_names_both():
    assert merge([Span(0, 3, "phone"), Span(2, 9, "iban")]) == [Span(0, 9, "iban")]


def test_a_finding_within_another_does_not_shorten_it():
    assert merge([Span(0, 9, "word", 0.5), Span(2, 4, "card", 1.0)]) == [Span(0, 9, "card", 1.0)]


@pytest.mark.parametrize(("start", "end"), [(3, 3), (4, 3), (-1, 2)])
def test_a_finding_of_nothing_cannot_be_made(start, end):
    with pytest.raises(ValueError, match="holds no text"):
        Span(start, end, "email")


@given(spans)
def test_merged_findings_cover_what_was_found_and_never_overlap(found):
    merged = merge(found)
    assert {place for span in found for place in range(span.start, span.end)} == {
        place for span in merged for place in range(span.start, span.end)
    }
    assert all(before.end <= after.start for before, after in pairwise(merged))


@given(spans, st.randoms())
def test_the_order_of_findings_does_not_matter(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    text = "x" * 60
    assert masked(text, shuffled) == masked(text, found)


@given(spans)
def test_no_masked_character_is_left(found):
    text = "".join(chr(0x4E00 + place) for place in range(60))
    covered = {text[place] for span in found for place in range(span.start, span.end)}
    assert covered.isdisjoint(masked(text, found))
