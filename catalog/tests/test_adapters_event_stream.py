from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.adapters.event_stream import EventStreamReader, LineTooLongError

LIMIT = 100_000
LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
PAYLOADS = st.text(alphabet="aä日🦊 :{}data", min_size=1, max_size=12).map(str.encode)


def read(chunks: list[bytes], limit: int = LIMIT) -> list[bytes]:
    reader = EventStreamReader(limit)
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.close()


def cut(body: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(body) + 1) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


@given(st.lists(PAYLOADS, max_size=8), LINE_ENDS, st.lists(st.integers(0, 10_000), max_size=30))
def test_every_cut_gives_the_same_events(payloads, line_end, places):
    body = b"".join(b"data: " + payload + line_end * 2 for payload in payloads)
    assert read(cut(body, places)) == payloads


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_every_single_cut_of_a_stream_with_everything_in_it(line_end):
    lines = [
        b"\xef\xbb\xbf: a comment",
        b"event: message",
        b"data:no space",
        b"id: 1",
        b"",
        b"data: first",
        b"data:second",
        b"data:  third",
        b"",
        b"",
        b"retry: 1",
        b"",
        b"data",
        b"",
        "data: Grüße 🦊".encode(),
        b"",
        b"",
    ]
    body = line_end.join(lines)
    expected = [b"no space", b"first\nsecond\n third", b"", "Grüße 🦊".encode()]
    for place in range(len(body) + 1):
        # A lone carriage return at the very end may be half of a line end: close() settles it.
        assert read([body[:place], body[place:]]) == expected, place
    assert read([body[i : i + 1] for i in range(len(body))]) == expected


def test_mixed_line_ends():
    assert read([b"data: a\r\n\ndata: b\r\r\ndata: c\n\r\n"]) == [b"a", b"b", b"c"]


def test_close_gives_an_event_without_its_blank_line():
    assert read([b"data: a\n\ndata: b\nda", b"ta: c"]) == [b"a", b"b\nc"]


def test_close_of_an_empty_stream_gives_nothing():
    assert read([]) == []


def test_other_lines_are_not_data():
    assert read([b"<html>\n\n<p>data: x</p>\n\ndatum: y\n\n"]) == []


def test_a_line_beyond_the_limit_is_refused_before_its_end_arrives():
    reader = EventStreamReader(100)
    assert reader.feed(b"data: " + b"x" * 90) == []
    with pytest.raises(LineTooLongError):
        reader.feed(b"x" * 10)


def test_an_event_of_many_lines_beyond_the_limit_is_refused():
    reader = EventStreamReader(100)
    reader.feed(b"data: 0123456789\n" * 6)
    with pytest.raises(LineTooLongError):
        reader.feed(b"data: 0123456789\n")


def test_the_limit_counts_anew_for_each_event():
    reader = EventStreamReader(100)
    for _ in range(50):
        assert reader.feed(b"data: " + b"x" * 80 + b"\n\n") == [b"x" * 80]


def test_a_long_line_in_single_bytes_costs_no_more_than_its_length():
    # Joining the pieces at every byte would copy 125 GB here.
    body = b"data: " + b"x" * 500_000 + b"\n\n"
    reader = EventStreamReader(1_000_000)
    events = [event for i in range(len(body)) for event in reader.feed(body[i : i + 1])]
    assert events == [b"x" * 500_000]
