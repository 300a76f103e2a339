"""Guards at work: side by side, in order, within their time, and closed when they fail."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from guards.detecting import detect
from guards.detectors import detector, detectors
from guards.models import GuardEvent
from guards.plans import REDACT, WARN, BoundGuard
from guards.spans import Span, masked, merge, unmasked
from guards.texts import Unit
from guards.verdicts import Unjudged, Verdict
from restai_site.lib.errors import DomainError

log = logging.getLogger(__name__)
Outcome = GuardEvent.Outcome
STOPS = frozenset({Outcome.BLOCKED, Outcome.FAILED_CLOSED})
# The category of what is blocked because nobody judged it.
UNJUDGED = "guard_unavailable"
UNJUDGED_LABEL = "Guard not available"
TIMEOUT, FAILED, CANNOT_MASK = "timeout", "failed", "cannot_mask"
EXCERPT = 4_000


# Asks the model of a guard about texts. Raises Unjudged, and DomainError for what must end the
# call whatever the guard's failure policy: a budget that is spent, a credential that has ended.
Ask = Callable[[BoundGuard, Sequence[Unit]], Awaitable[Verdict]]


@dataclass(slots=True)
class Finding:
    """What one guard said of one stage."""

    guard: BoundGuard
    stage: str
    outcome: str
    category: str = ""
    score: float | None = None
    reason: str = ""
    failure: str = ""
    checks: int = 1
    latency_ms: float = 0
    is_cached: bool = False
    # What it was about, for the log of those projects that keep what is said.
    excerpt: str = ""
    # What is to be masked: the index of the text, and where in it.
    spans: tuple[tuple[int, Span], ...] = ()

    @property
    def stops(self) -> bool:
        """Whether nothing passes after it."""
        return self.outcome in STOPS

    @property
    def label(self) -> str:
        """The category in words for people."""
        return label_of(self.category)


@dataclass(slots=True)
class Ruling:
    """What the guards of a stage have decided, unless one has `blocked`.

    `texts` are the texts as they may pass; `spans` says for each what was masked in it, by its
    places in the text as it was given.
    """

    texts: list[str]
    spans: list[list[Span]]
    findings: list[Finding] = field(default_factory=list)
    blocked: Finding | None = None


def label_of(category: str) -> str:
    """Return a category in words for people."""
    if category == UNJUDGED:
        return UNJUDGED_LABEL
    named = {value: label for one in detectors() for value, label in one.categories}
    return named.get(category, category.replace("_", " ").capitalize())


async def check(
    guards: Sequence[BoundGuard], stage: str, units: Sequence[Unit], ask: Ask
) -> Ruling:
    """Have `guards`, sorted by their order, judge `units`.

    Those of one order run side by side, and the first that blocks ends the others; those of a
    higher order see what lower ones have masked. Raises DomainError as `ask` does.
    """
    ruling = Ruling([unit.text for unit in units], [[] for _ in units])
    for _, group in groupby(guards, key=lambda guard: guard.order):
        seen = [replace(unit, text=text) for unit, text in zip(units, ruling.texts, strict=True)]
        found = await _side_by_side(list(group), stage, seen, ask)
        ruling.findings += found
        ruling.blocked = next((one for one in found if one.stops), None)
        if ruling.blocked is not None:
            return ruling
        _mask(ruling, units, found)
    return ruling


def _mask(ruling: Ruling, units: Sequence[Unit], findings: Sequence[Finding]) -> None:
    for index, unit in enumerate(units):
        new = [span for one in findings for at, span in one.spans if at == index]
        if new:
            before = ruling.spans[index]
            ruling.spans[index] = merge(
                [*before, *(unmasked(before, span, len(unit.text)) for span in new)]
            )
            ruling.texts[index] = masked(unit.text, ruling.spans[index])


async def _side_by_side(
    guards: Sequence[BoundGuard], stage: str, units: Sequence[Unit], ask: Ask
) -> list[Finding]:
    """Return the findings in the order of `guards`; of those whom a block has ended, none."""
    if len(guards) == 1:
        return [await _judged(guards[0], stage, units, ask)]
    tasks = [asyncio.create_task(_judged(guard, stage, units, ask)) for guard in guards]
    try:
        for next_one in asyncio.as_completed(tasks):
            if (await next_one).stops:
                break
    finally:
        await _ended(tasks)
    return [task.result() for task in tasks if not task.cancelled()]


async def _ended(tasks: Sequence[asyncio.Task[Finding]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _judged(guard: BoundGuard, stage: str, units: Sequence[Unit], ask: Ask) -> Finding:
    started = time.monotonic()
    try:
        async with asyncio.timeout(guard.timeout_seconds):
            verdict = await _verdict(guard, units, ask)
        finding = _finding(guard, stage, units, verdict)
    except Unjudged as error:
        finding = _failure(guard, stage, units, error.why)
    except TimeoutError:
        finding = _failure(guard, stage, units, TIMEOUT)
    except DomainError:
        raise
    except Exception:
        log.exception("The guard “%s” broke.", guard.name)
        finding = _failure(guard, stage, units, FAILED)
    finding.latency_ms = (time.monotonic() - started) * 1000
    return finding


async def _verdict(guard: BoundGuard, units: Sequence[Unit], ask: Ask) -> Verdict:
    if guard.trouble:
        raise Unjudged(guard.trouble)
    return await (detect(guard, units) if guard.detector else ask(guard, units))


def _failure(guard: BoundGuard, stage: str, units: Sequence[Unit], why: str) -> Finding:
    log.error("The guard “%s” gave no judgement (%s).", guard.name, why)
    outcome = Outcome.FAILED_OPEN if guard.fails_open else Outcome.FAILED_CLOSED
    return Finding(
        guard, stage, outcome, category=UNJUDGED, failure=why, excerpt=_excerpt(guard, units, ())
    )


def _finding(guard: BoundGuard, stage: str, units: Sequence[Unit], verdict: Verdict) -> Finding:
    finding = Finding(
        guard,
        stage,
        Outcome.PASSED,
        score=verdict.score,
        is_cached=verdict.is_cached,
        reason=verdict.reason,
    )
    counts = verdict.is_unsafe and (verdict.score is None or verdict.score >= guard.threshold)
    if not counts:
        return finding
    finding.category = verdict.category
    finding.excerpt = _excerpt(guard, units, verdict.spans)
    if guard.mode == REDACT:
        return _redaction(finding, units, verdict)
    finding.outcome = Outcome.WARNED if guard.mode == WARN else Outcome.BLOCKED
    return finding


def _redaction(finding: Finding, units: Sequence[Unit], verdict: Verdict) -> Finding:
    """Mask what was found; what is said to be there but cannot be found does not pass."""
    spans = verdict.spans or _quoted(units, verdict)
    if not spans:
        finding.outcome, finding.failure = Outcome.BLOCKED, CANNOT_MASK
        return finding
    finding.outcome, finding.spans = Outcome.REDACTED, spans
    # Not even the log holds what was masked.
    finding.excerpt = _excerpt_without(units, spans)
    return finding


def _quoted(units: Sequence[Unit], verdict: Verdict) -> tuple[tuple[int, Span], ...]:
    """Return where the quotes stand; nothing unless every one of them stands somewhere."""
    category = verdict.category or "masked"
    spans: list[tuple[int, Span]] = []
    for quote in verdict.quotes:
        places = [
            (index, Span(start, start + len(quote), category))
            for index, unit in enumerate(units)
            for start in _places(unit.text, quote)
        ]
        if not places:
            return ()
        spans += places
    return tuple(spans)


def _places(text: str, quote: str) -> list[int]:
    places, start = [], text.find(quote)
    while start >= 0:
        places.append(start)
        start = text.find(quote, start + len(quote))
    return places


def _excerpt(guard: BoundGuard, units: Sequence[Unit], spans: Sequence[tuple[int, Span]]) -> str:
    """Return what a finding is about: the texts with spans, or all of them; the end of it."""
    if spans and guard.detector and detector(guard.detector).is_private:
        return _excerpt_without(units, spans)
    of_interest = sorted({index for index, _ in spans}) or range(len(units))
    return "\n".join(units[index].text for index in of_interest)[-EXCERPT:]


def _excerpt_without(units: Sequence[Unit], spans: Sequence[tuple[int, Span]]) -> str:
    """Return the texts with findings, masked."""
    hidden: dict[int, list[Span]] = {}
    for index, span in spans:
        hidden.setdefault(index, []).append(span)
    texts = [masked(units[index].text, hidden[index]) for index in sorted(hidden)]
    return "\n".join(texts)[-EXCERPT:]
