"""Windows of a stream: in whatever chunks, what is looked for is judged before any of it goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards.spans import Span, masked
from guards.windows import GROWTH, Window

WORD = "marzipan"
SEPARATORS = st.sampled_from(["", " ", "\u200b", ".", " - ", "\n", "\u00ad"])
PROSE = st.text(alphabet="abc .!?\n\u200b\u3002é漢'", max_size=200)
SIZES = st.integers(1, 60)


def places(text, word=WORD):
    """Return where `word` stands in `text`, whatever is strewn among its letters."""
    letters = [(at, sign) for at, sign in enumerate(text) if sign.isalnum()]
    shown = "".join(sign for _, sign in letters)
    found, start = [], shown.find(word)
    while start >= 0:
        last = start + len(word) - 1
        found.append(Span(letters[start][0], letters[last][0] + 1, "word"))
        start = shown.find(word, last + 1)
    return found


def chunks(text, sizes):
    """Cut `text` into pieces of `sizes`, over and over."""
    at, number = 0, 0
    while at < len(text):
        size = sizes[number % len(sizes)]
        yield text[at : at + size]
        at, number = at + size, number + 1


def streamed(pieces, window, find):
    """Run a stream through a window; yield what was judged and what was released after it."""
    for piece in pieces:
        window.add(piece)
        if window.is_due:
            judged = window.begin()
            yield judged, window.release(judged, find(judged), is_last=False)
    judged = window.begin()
    yield judged, window.release(judged, find(judged), is_last=True)


@given(
    before=PROSE,
    after=PROSE,
    strewn=st.lists(SEPARATORS, min_size=len(WORD) - 1, max_size=len(WORD) - 1),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    size=SIZES,
    overlap=st.integers(len(WORD), 40),
)
def test_a_word_is_judged_whole_before_a_letter_of_it_goes(
    before, after, strewn, sizes, size, overlap
):
    word = "".join(f"{sign}{between}" for sign, between in zip(WORD, [*strewn, ""], strict=True))
    text, begin = f"{before}{word}{after}", len(before)
    released = 0
    for judged, gone in streamed(chunks(text, sizes), Window(size, overlap), lambda _: []):
        if word in judged:
            assert released <= begin
            return
        released += len(gone)
        assert released <= begin
    raise AssertionError("The word was never judged as a whole.")


@given(
    text=PROSE,
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    size=SIZES,
    overlap=st.integers(0, 40),
)
def test_what_passes_comes_out_as_it_went_in(text, sizes, size, overlap):
    window = Window(size, overlap)
    parts = [gone for _, gone in streamed(chunks(text, sizes), window, lambda _: [])]
    assert "".join(parts) == text
    assert window.held == ""


@given(
    pieces=st.lists(st.one_of(PROSE, st.just(WORD)), max_size=8),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    size=SIZES,
    overlap=st.integers(len(WORD), 40),
)
def test_a_stream_is_masked_as_the_whole_would_be(pieces, sizes, size, overlap):
    text = " ".join(pieces)
    window = Window(size, overlap)
    parts = [gone for _, gone in streamed(chunks(text, sizes), window, places)]
    assert "".join(parts) == masked(text, places(text))


@given(text=PROSE, sizes=st.lists(st.integers(1, 50), min_size=1), size=SIZES)
def test_no_more_is_kept_waiting_than_is_said(text, sizes, size):
    """Nothing new waits for longer than GROWTH windows: a guard is asked by then."""
    window, unjudged = Window(size, 5), 0
    for piece in chunks(text, sizes):
        window.add(piece)
        unjudged += len(piece)
        if unjudged >= GROWTH * size:
            assert window.is_due
        if window.is_due:
            window.release(window.begin(), [], is_last=False)
            unjudged = 0


def test_the_end_of_a_sentence_is_where_a_window_is_cut():
    window = Window(20, 5)
    window.add("The first sentence. The second goes on")
    judged = window.begin()
    assert window.release(judged, [], is_last=False) == "The first sentence. "
    assert window.context == "The first sentence. "


def test_a_window_without_the_end_of_a_sentence_grows_and_is_judged_all_the_same():
    window = Window(10, 2)
    window.add("a" * 19)
    assert not window.is_due
    window.add("a")
    assert window.is_due


def test_what_was_judged_is_not_new_a_second_time():
    window = Window(10, 30)
    window.add("One two. " * 2)
    assert window.is_due
    assert window.release(window.begin(), [], is_last=False) == ""
    assert not window.is_due


def test_spaces_alone_cannot_push_a_beginning_out_of_the_overlap():
    window = Window(10, 8)
    window.add("marzi" + " " * 500)
    assert window.release(window.begin(), [], is_last=False) == ""
    window.add("pan")
    assert places(window.begin())


def test_a_finding_that_touches_the_end_is_kept_whole():
    window = Window(10, 3)
    window.add("abcdefgh marzipan")
    spans = [Span(4, 17, "word")]
    assert window.release(window.begin(), spans, is_last=False) == "abcd"
    assert window.held == "efgh marzipan"


@pytest.mark.parametrize("size", [1, 10])
def test_the_context_has_a_bound(size):
    window = Window(size, 5)
    for _ in range(100):
        window.add("One. Two. Three. ")
        window.release(window.begin(), [], is_last=False)
    assert len(window.context) <= size + 10
