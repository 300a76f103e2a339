"""A streamed answer on its way past the guards.

Three things go on at once: the provider is read, what has come is judged window by window, and
input guards that run beside the model come to their verdict. Nothing is passed on before whoever
has to judge it has done so.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from catalog.adapters.types import Delta
from guards.engine import Ruling
from guards.plans import OUTPUT, BoundGuard
from guards.sections import GuardsSection
from guards.windows import Window
from inference.calls import Answer, Call
from inference.guarding import (
    admit_beside,
    answer_units,
    has_guards_beside,
    judge_output,
    put_back_calls,
)
from inference.tool_calls import joined
from restai_site.lib.configuration import latest

# Detectors answer within milliseconds: they are asked sooner than models.
DETECTOR_WINDOW = 40
Batch = list[Delta]


def stands_before(call: Call) -> bool:
    """Tell whether what the provider streams must wait for a guard."""
    guarded = call.guarded
    return guarded is not None and (has_guards_beside(call) or bool(guarded.plan.of(OUTPUT)))


async def passing(
    call: Call, answer: Answer, pieces: AsyncGenerator[Batch, None]
) -> AsyncGenerator[Batch, None]:
    """Yield what may go of `pieces`, as soon as it may. Raises Blocked, and as `pieces` does."""
    gate = _Gate(call, answer, pieces)
    try:
        while not gate.is_done:
            await gate.step()
            if batch := gate.taken():
                yield batch
    finally:
        await gate.close()


class _Gate:
    def __init__(self, call: Call, answer: Answer, pieces: AsyncGenerator[Batch, None]) -> None:
        assert call.guarded is not None  # noqa: S101  it has guards
        self.call, self.answer, self.pieces = call, answer, pieces
        self.guarded = call.guarded
        self.guards: Sequence[BoundGuard] = call.guarded.plan.of(OUTPUT)
        self.window = _window(self.guards)
        self.tool_calls: list[dict[str, Any]] = []
        self.free: list[str] = []
        self.is_done = False
        self._heard_at: float | None = None
        self._ended_at: float | None = None
        self._released_at: float | None = None
        self._reading: asyncio.Task[Batch] | None = asyncio.create_task(self._next())
        self._beside: asyncio.Task[None] | None = None
        if has_guards_beside(call):
            self._beside = asyncio.create_task(admit_beside(call))
        self._judging: asyncio.Task[Ruling] | None = None
        self._judged, self._is_last = "", False

    async def step(self) -> None:
        """Wait until one of the three has something, and take it."""
        going = {task for task in (self._reading, self._beside, self._judging) if task}
        if going:
            await asyncio.wait(going, return_when=asyncio.FIRST_COMPLETED)
        # The verdicts first: what they refuse is not looked at any more.
        if self._beside is not None and self._beside.done():
            self._beside.result()
            self._beside = None
        if self._judging is not None and self._judging.done():
            self._take_ruling(self._judging.result())
        if self._reading is not None and self._reading.done():
            self._take_batch()
        self._judge_on()

    def taken(self) -> Batch:
        """Return what may go now. At the end, also how the answer ended."""
        if self._beside is not None:
            return []
        batch = [Delta(text="".join(self.free))] if any(self.free) else []
        self.free.clear()
        if self._is_over():
            self.is_done = True
            self._tell_delay()
            end = Delta(tool_calls=self.tool_calls or None, finish_reason=self._finish_reason)
            batch.append(end)
        for delta in batch:
            self.answer.release(delta, self.call)
        if batch and self._released_at is None:
            self._released_at = time.monotonic()
        return batch

    async def close(self) -> None:
        """End whatever still goes on."""
        going = [task for task in (self._reading, self._beside, self._judging) if task]
        for task in going:
            task.cancel()
        await asyncio.gather(*going, return_exceptions=True)

    @property
    def _finish_reason(self) -> str:
        return self.answer.finish_reason or "stop"

    def _is_over(self) -> bool:
        waits = self._reading or self._judging or self._beside
        return waits is None and (not self.guards or self._is_last)

    async def _next(self) -> Batch:
        try:
            return await anext(self.pieces)
        except StopAsyncIteration:
            # A task cannot raise it.
            raise _Ended from None

    def _take_batch(self) -> None:
        assert self._reading is not None  # noqa: S101  the caller has looked
        reading, self._reading = self._reading, None
        try:
            batch = reading.result()
        except _Ended:
            self._ended_at = time.monotonic()
            return
        self._reading = asyncio.create_task(self._next())
        for delta in batch:
            self.answer.hear(delta)
            self.tool_calls += delta.tool_calls or []
            if delta.text:
                self._heard_at = self._heard_at or time.monotonic()
                self._keep(delta.text)

    def _keep(self, text: str) -> None:
        if self.guards:
            self.window.add(text)
        else:
            self.free.append(text)

    def _judge_on(self) -> None:
        """Begin to judge where enough is new, or where nothing more comes."""
        ended = self._reading is None
        if not self.guards or self._judging is not None or self._is_last:
            return
        if ended or self.window.is_due:
            self._is_last = ended
            self._judged = self.window.begin()
            if ended:
                self.tool_calls = joined(self.tool_calls)
            calls = self.tool_calls if ended else []
            units = answer_units(self.window.context, self._judged, calls)
            self._judging = asyncio.create_task(judge_output(self.call, self.guards, units))

    def _take_ruling(self, ruling: Ruling) -> None:
        self._judging = None
        self.free.append(self.window.release(self._judged, ruling.spans[1], is_last=self._is_last))
        if self._is_last and self.tool_calls:
            units = answer_units("", "", self.tool_calls)
            self.tool_calls = put_back_calls(self.tool_calls, units, ruling)

    def _tell_delay(self) -> None:
        """Add what the guards of the answer have cost: of the first word, and of the last."""
        now = time.monotonic()
        if self._heard_at is not None:
            first = (self._released_at or now) - self._heard_at
            self.guarded.first_token_delay_ms += first * 1000
        if self._ended_at is not None:
            self.guarded.total_delay_ms += (now - self._ended_at) * 1000


class _Ended(Exception):
    """The provider has said everything."""


def _window(guards: Sequence[BoundGuard]) -> Window:
    # `prepare` has read the settings a moment ago; a query has no place in an event loop.
    section = latest(GuardsSection)
    are_fast = all(guard.detector for guard in guards)
    size = min(section.window_characters, DETECTOR_WINDOW) if are_fast else None
    return Window(size or section.window_characters, section.overlap_characters)
