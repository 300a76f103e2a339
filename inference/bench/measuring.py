"""A guard over many texts: side by side, each verdict with its time and what it cost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from catalog.adapters.types import ChatRequest, Endpoint
from guards.engine import Finding, check
from guards.measures import verdict_at
from guards.models import GuardEvent, GuardResult
from guards.plans import INPUT, BoundGuard, Judge
from guards.texts import Unit
from inference.calls import Call
from inference.judging import GUARD, Judging
from metering.models import UsageRecord
from restai_site.lib.actor import Actor

Verdict = GuardResult.Verdict
# So many texts are with a model at once. Detectors take the processor, so one by one.
AT_ONCE = 4
TAKE_SECONDS = 1.0
SPEAKER = "user"


@dataclass(frozen=True, slots=True)
class Payer:
    """Who asks, and to whose budgets it counts."""

    actor: Actor
    team_id: int | None
    project_id: int | None = None


@dataclass(slots=True)
class Said:
    """What the guard said of one text. `key` is the caller's name of it."""

    key: int
    verdict: str
    was_raised: bool
    category: str = ""
    score: float | None = None
    reason: str = ""
    failure: str = ""
    latency_ms: float = 0
    calls: tuple[UUID, ...] = ()
    tokens: int = 0
    cost: Decimal = Decimal(0)


# Keeps what was said since the last time; tells whether to go on.
Take = Callable[[list[Said]], Awaitable[bool]]


class Measured(Judging):
    """Asks a model anew each time, and knows by which calls."""

    remembers = False

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.calls: list[UUID] = []

    def _call(self, judge: Judge, request: ChatRequest, seconds: float) -> Call:
        made = super()._call(judge, request, seconds)
        self.calls.append(made.id)
        return made


async def judge_one(
    guard: BoundGuard, key: int, text: str, payer: Payer, *, threshold: float = 0
) -> Said:
    """Return what `guard` says of a text. Raises DomainError where nobody may go on asking."""
    ask = Measured(_guarded(guard, payer))
    ruling = await check([guard], INPUT, [Unit(SPEAKER, text)], ask)
    return _said(key, ruling.findings[0], threshold, tuple(ask.calls))


async def judge_all(
    guard: BoundGuard,
    texts: Sequence[tuple[int, str]],
    payer: Payer,
    take: Take,
    *,
    threshold: float = 0,
    seconds: float | None = None,
) -> bool:
    """Have `guard` judge all of `texts`, and hand over what it said, at most once a second.

    Returns whether it came to the end: not where `take` says no, nor after `seconds`. Raises
    DomainError as `judge_one`; what was said before has been handed over then.
    """
    rest = iter(texts)
    desk = _Desk(take, None if seconds is None else time.monotonic() + seconds)
    if guard.detector:
        # Tables that are made at the first use are not a matter of the first text.
        await judge_one(guard, 0, ".", payer)

    async def work(rest: Iterator[tuple[int, str]]) -> None:
        for key, text in rest:
            desk.put(await judge_one(guard, key, text, payer, threshold=threshold))
            if not await desk.may_go_on():
                return

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(1 if guard.detector else AT_ONCE):
                group.create_task(work(rest))
    except ExceptionGroup as errors:
        raise _first(errors) from None
    finally:
        await desk.hand_over()
    return next(rest, None) is None and desk.is_open


def costed(said: Sequence[Said]) -> None:
    """Write into `said` what the ledger holds of their calls. One query."""
    ids = [call_id for one in said for call_id in one.calls]
    spent: dict[UUID, tuple[int, Decimal]] = {}
    if ids:
        rows = UsageRecord.objects.filter(call_id__in=ids).values_list(
            "call_id", "prompt_tokens", "completion_tokens", "cost"
        )
        spent = {call_id: (asked + told, cost) for call_id, asked, told, cost in rows}
    for one in said:
        found = [spent[call_id] for call_id in one.calls if call_id in spent]
        one.tokens = sum(tokens for tokens, _ in found)
        one.cost = sum((cost for _, cost in found), Decimal(0))


@dataclass(slots=True)
class _Desk:
    """Where verdicts lie until they are taken."""

    take: Take
    until: float | None
    is_open: bool = True
    _waiting: list[Said] = field(default_factory=list)
    _taken_at: float = field(default_factory=time.monotonic)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def put(self, said: Said) -> None:
        self._waiting.append(said)

    async def may_go_on(self) -> bool:
        """Hand over what is due; tell whether there is somebody who wants more."""
        # Detectors never wait for anything: others get their turn here.
        await asyncio.sleep(0)
        if time.monotonic() - self._taken_at >= TAKE_SECONDS and not self._lock.locked():
            await self.hand_over()
        is_late = self.until is not None and time.monotonic() >= self.until
        return self.is_open and not is_late

    async def hand_over(self) -> None:
        async with self._lock:
            self._taken_at = time.monotonic()
            waiting, self._waiting = self._waiting, []
            if waiting and not await self.take(waiting):
                self.is_open = False


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return one of the errors that have ended the work; they are of one cause, mostly."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _said(key: int, finding: Finding, threshold: float, calls: tuple[UUID, ...]) -> Said:
    was_raised = finding.outcome == GuardEvent.Outcome.BLOCKED
    verdict = verdict_at(threshold, was_raised=was_raised, score=finding.score)
    if finding.failure:
        verdict, was_raised = Verdict.ERROR, False
    return Said(
        key=key,
        verdict=verdict,
        was_raised=was_raised,
        category=finding.category if was_raised else "",
        score=finding.score,
        reason=finding.reason,
        failure=finding.failure,
        latency_ms=finding.latency_ms,
        calls=calls,
    )


def _guarded(guard: BoundGuard, payer: Payer) -> Call:
    """Return the call that a guard stands before, where there is none: who asks, and who pays."""
    nobody = Endpoint(kind="", model="", base_url="", api_key="")
    return Call(
        actor=payer.actor,
        endpoint=nobody if guard.judge is None else guard.judge.endpoint,
        kind=GUARD,
        model_name="" if guard.judge is None else guard.judge.model_name,
        project_id=payer.project_id,
        team_id=payer.team_id,
        input_price_per_million=Decimal(0),
        output_price_per_million=Decimal(0),
    )
