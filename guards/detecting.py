"""Detectors on the texts of a call: each text, and what stands across the border of two."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from guards.detectors import Detector, detector
from guards.plans import MISCONFIGURED, BoundGuard
from guards.spans import Span
from guards.texts import Unit
from guards.verdicts import Unjudged, Verdict
from restai_site.lib.errors import Invalid

# How far on each side of a border what was split over two messages may reach.
REACH = 200
# Less than this is looked at where one is: a few milliseconds, where a thread takes one itself.
INLINE_CHARACTERS = 4_096
Found = list[tuple[int, Span]]
_ready: set[str] = set()


async def detect(guard: BoundGuard, units: Sequence[Unit]) -> Verdict:
    """Return what the guard's detector says of `units`. Takes time proportional to them."""
    # A detector that has not run here yet builds its tables first.
    is_short = sum(len(unit.text) for unit in units) <= INLINE_CHARACTERS
    if is_short and guard.detector in _ready:
        return _verdict(guard, units)
    verdict = await asyncio.to_thread(_verdict, guard, units)
    _ready.add(guard.detector)
    return verdict


def _verdict(guard: BoundGuard, units: Sequence[Unit]) -> Verdict:
    judge = detector(guard.detector)
    try:
        configuration = judge.cleaned(guard.configuration)
    except Invalid:
        # It was right when it was bound; what is not any more lets nothing pass.
        raise Unjudged(MISCONFIGURED) from None
    found: Found = [
        (index, span)
        for index, unit in enumerate(units)
        for span in judge.find(unit.text, configuration)
    ]
    if judge.reads_across:
        found += _across(judge, configuration, units)
    counted = tuple(item for item in found if item[1].score >= guard.threshold)
    if not counted:
        surest = max((span.score for _, span in found), default=0.0)
        return Verdict(is_unsafe=False, score=surest)
    best = max(counted, key=lambda item: item[1].score)[1]
    return Verdict(is_unsafe=True, category=best.category, score=best.score, spans=counted)


def _across(judge: Detector, configuration: dict[str, object], units: Sequence[Unit]) -> Found:
    found: Found = []
    for first, second in _neighbours(units):
        tail, head = units[first].text[-REACH:], units[second].text[:REACH]
        for joint in ("", " "):
            for span in judge.find(tail + joint + head, configuration):
                if span.start < len(tail) and span.end > len(tail) + len(joint):
                    begin = len(units[first].text) - len(tail) + span.start
                    end = span.end - len(tail) - len(joint)
                    found += [
                        (first, replace(span, start=begin, end=len(units[first].text))),
                        (second, replace(span, start=0, end=end)),
                    ]
    return found


def _neighbours(units: Sequence[Unit]) -> Iterator[tuple[int, int]]:
    """Yield each pair of texts that follow one another, and those that one role says in a row."""
    last: dict[str, int] = {}
    for index, unit in enumerate(units):
        before = {index - 1, last.get(unit.role, -1)} - {-1}
        yield from ((other, index) for other in sorted(before))
        last[unit.role] = index
