"""Where in a text something was found, and the text with that masked."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """A finding: code points `start` to `end` of the text as it was given, never empty.

    `score` is between 0 and 1: 1 is certain (a checksum held), lower values are likelihoods.
    """

    start: int
    end: int
    category: str
    score: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"A span from {self.start} to {self.end} holds no text.")


def merge(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that overlap as one.

    One that was made of several has the category of the surest, of the longest among equals.
    """
    merged: list[Span] = []
    best: Span | None = None
    for span in sorted(spans, key=lambda span: (span.start, -span.end, -span.score, span.category)):
        if best is None or span.start >= merged[-1].end:
            merged.append(span)
            best = span
            continue
        best = max(best, span, key=_weight)
        end = max(merged[-1].end, span.end)
        merged[-1] = Span(merged[-1].start, end, best.category, best.score)
    return merged


def masked(text: str, spans: Iterable[Span]) -> str:
    """Return the text with the category in brackets where a finding stood, as in `[email]`."""
    parts = []
    position = 0
    for span in merge(spans):
        parts += [text[position : span.start], f"[{span.category}]"]
        position = span.end
    return "".join([*parts, text[position:]])


def unmasked(spans: Iterable[Span], span: Span, length: int) -> Span:
    """Return where `span`, of a text in which `spans` were masked, stood before that.

    `spans` are in order and do not overlap, as `merge` returns them; `length` is that of the text
    before. What touches a mask covers all that the mask stands for.
    """
    start, end = None, length
    shown = original = 0
    for mask in [*spans, Span(length, length + 1, "")]:
        before = mask.start - original
        if start is None and span.start < shown + before:
            start = original + span.start - shown
        if span.end <= shown + before:
            end = original + span.end - shown
            break
        shown += before
        if start is None and span.start < shown + len(mask.category) + 2:
            start = mask.start
        shown += len(mask.category) + 2
        original = mask.end
        if span.end <= shown:
            end = mask.end
            break
    begin = length - 1 if start is None else start
    return Span(begin, max(end, begin + 1), span.category, span.score)


def _weight(span: Span) -> tuple[float, int]:
    return span.score, span.end - span.start
