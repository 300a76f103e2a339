"""The one way to a model: prepare, input guards, the provider, output guards, finish.

Every surface comes through here. Images in messages go through `settle_images` once the input
guards have let the texts beside them pass. No transaction is open and no database thread is held
while a guard judges, images are fetched and the provider talks; `finish` runs in every case, also
when the client has gone or may not go on: an answer ends with the credential that asked for it
(`accounts.watch`).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

from accounts import watch
from catalog.adapters import adapter_for
from catalog.adapters.types import (
    ChatResult,
    Delta,
    EmbeddingResult,
    ImageRequest,
    SpeechRequest,
    TranscriptionRequest,
    Usage,
)
from guards.plans import INPUT
from inference.calls import Answer, Call
from inference.finish import Receipt
from inference.gate import passing, stands_before
from inference.guarded import Blocked
from inference.guarding import (
    CONTENT_FILTER,
    Filtered,
    admit,
    admit_beside,
    has_guards_beside,
    pass_answer,
    withheld,
)
from inference.images import holds_parts, made_anew, settle_images
from inference.settling import counted_when_it_fails, outcome_of, settle

BLOCKED = "blocked"
T = TypeVar("T")


async def complete(call: Call) -> tuple[Answer, Receipt]:
    """Call the model and return its whole answer.

    Where a guard has blocked, the answer is the censorship message, its `finish_reason` is
    `content_filter`, and `call.guarded.blocked` says why. Raises ProviderFailed, ProviderTimedOut,
    CredentialEnded, AccessEnded, or BudgetExceeded where a guard's own tokens cannot be paid; the
    usage is written before any is raised. Raises Invalid or FetchFailed for images; the provider
    is not called then, and no usage written.
    """
    answer = Answer()
    assert call.request is not None  # noqa: S101  prepare has set it
    try:
        async with counted_when_it_fails(call, answer):
            await admit(call)
        if holds_parts(call.request.messages):
            await settle_images(call)
        async with counted_when_it_fails(call, answer):
            answer.take(await _beside(call, lambda: _chat(call, answer)))
            await pass_answer(call, answer)
    except Blocked as blocked:
        return answer, await _settle_blocked(call, answer, blocked)
    return answer, await settle(call, answer, "completed")


def require_admitted(call: Call) -> None:
    """Raise Filtered where an input guard has blocked the call."""
    guarded = call.guarded
    if guarded is not None and guarded.blocked is not None and guarded.blocked.stage == INPUT:
        raise Filtered(call)


async def embed(call: Call, dimensions: int | None) -> tuple[EmbeddingResult, Receipt]:
    """Call the embedding model. Raises as `complete` does."""
    answer = Answer()
    async with _guarded(call, answer):
        adapter = adapter_for(call.endpoint.kind)
        result = await adapter.embed(call.endpoint, call.inputs, dimensions)
    answer.usage = result.usage
    return result, await settle(call, answer, "completed")


async def make_images(call: Call) -> tuple[list[bytes], Receipt]:
    """Have images made and return them, written anew by the platform. Raises as `complete` does."""
    answer = Answer()
    async with _guarded(call, answer):
        request = call.media
        assert isinstance(request, ImageRequest)  # noqa: S101  prepare has set it
        given = adapter_for(call.endpoint.kind).images(call.endpoint, request)
        made = await watch.whole(call.actor, given, call.place)
        answer.units = len(made)
        written = await watch.whole(call.actor, made_anew(call, made), call.place)
    return written, await settle(call, answer, "completed")


async def speak(call: Call) -> tuple[bytes, Receipt]:
    """Have a text spoken and return the sound. Raises as `complete` does."""
    answer = Answer()
    async with _guarded(call, answer):
        request = call.media
        assert isinstance(request, SpeechRequest)  # noqa: S101  prepare has set it
        given = adapter_for(call.endpoint.kind).speech(call.endpoint, request)
        sound = await watch.whole(call.actor, given, call.place)
    return sound, await settle(call, answer, "completed")


async def transcribe(call: Call) -> tuple[str, Receipt]:
    """Have speech written down and return the text. Raises as `complete` does."""
    answer = Answer()
    async with _guarded(call, answer):
        request = call.media
        assert isinstance(request, TranscriptionRequest)  # noqa: S101  prepare has set it
        given = adapter_for(call.endpoint.kind).transcribe(call.endpoint, request)
        text = await watch.whole(call.actor, given, call.place)
        answer.parts.append(text)
        answer.units = len(text)
        await pass_answer(call, answer)
    return answer.text, await settle(call, answer, "completed")


class Stream:
    """A streamed answer: the pieces as they come, then the receipt.

    Iterate over it to the end, or close it; either way the usage is written exactly once, unless
    images are refused (Invalid, FetchFailed) before the provider is called. After the last piece
    `receipt` is set, and durable.
    """

    def __init__(self, call: Call) -> None:
        self.call = call
        self.answer = Answer()
        self.receipt: Receipt | None = None
        self._pieces = self._run()

    def __aiter__(self) -> AsyncIterator[list[Delta]]:
        return self._pieces

    async def admitted(self) -> None:
        """Wait for the input guards; those that run beside the model have not spoken then.

        Raises what they raise; where they block, the stream is at its end, and there is a receipt.
        """
        if self.call.guarded is not None:
            await anext(self._pieces, [])

    async def first(self) -> list[Delta]:
        """Return the first pieces, so that an early failure can still have a status of its own.

        Raises Filtered where an input guard has blocked the call.
        """
        batch: list[Delta] = []
        async for batch in self._pieces:
            if batch:
                break
        require_admitted(self.call)
        return batch

    async def close(self) -> None:
        """Hang up; what has come so far is counted and kept."""
        await self._pieces.aclose()

    async def _run(self) -> AsyncGenerator[list[Delta], None]:
        call, answer, outcome = self.call, self.answer, "completed"
        assert call.request is not None  # noqa: S101  prepare has set it
        is_counted = call.guarded is not None
        try:
            await admit(call)
            if call.guarded is not None:
                yield []
            if holds_parts(call.request.messages):
                await settle_images(call)
            is_counted = True
            spoken = self._spoken()
            async with aclosing(spoken):
                async for batch in spoken:
                    yield batch
        except Blocked as blocked:
            outcome = BLOCKED
            was_heard = answer.first_token_ms is not None
            _withhold(call, answer, blocked)
        except BaseException as error:
            outcome = outcome_of(error)
            raise
        finally:
            if is_counted:
                self.receipt = await settle(call, answer, outcome)
        if outcome == BLOCKED:
            yield [Delta(text="" if was_heard else answer.text, finish_reason=CONTENT_FILTER)]

    async def _spoken(self) -> AsyncGenerator[list[Delta], None]:
        """Yield what the provider says, and what of it may go where guards have to judge it."""
        call, answer = self.call, self.answer
        assert call.request is not None  # noqa: S101  prepare has set it
        answer.was_called = True
        batches = adapter_for(call.endpoint.kind).batches(call.endpoint, call.request)
        # Closing hangs up on the provider at once, not when the garbage collector comes by.
        async with (
            aclosing(batches),
            aclosing(watch.pieces(call.actor, batches, call.place)) as pieces,
        ):
            if stands_before(call):
                async with aclosing(passing(call, answer, pieces)) as passed:
                    async for batch in passed:
                        yield batch
                return
            async for batch in pieces:
                for delta in batch:
                    answer.add(delta, call)
                yield batch


async def _chat(call: Call, answer: Answer) -> ChatResult:
    assert call.request is not None  # noqa: S101  prepare has set it
    answer.was_called = True
    given = adapter_for(call.endpoint.kind).chat(call.endpoint, call.request)
    return await watch.whole(call.actor, given, call.place)


async def _beside(call: Call, work: Callable[[], Awaitable[T]]) -> T:
    """Return what `work` gives, once the guards that run beside the model let it pass."""
    if not has_guards_beside(call):
        return await work()
    judging = asyncio.create_task(admit_beside(call))
    working = asyncio.ensure_future(work())
    try:
        await judging
        return await working
    finally:
        judging.cancel()
        working.cancel()
        await asyncio.gather(judging, working, return_exceptions=True)


@asynccontextmanager
async def _guarded(call: Call, answer: Answer) -> AsyncIterator[None]:
    """Have the input guards judge a call that is no chat, and count it where it fails.

    Raises Filtered where a guard blocks it.
    """
    try:
        async with counted_when_it_fails(call, answer):
            await admit(call)
            answer.was_called = True
            yield
    except Blocked as blocked:
        await _settle_blocked(call, answer, blocked)
        raise Filtered(call) from None


async def _settle_blocked(call: Call, answer: Answer, blocked: Blocked) -> Receipt:
    _withhold(call, answer, blocked)
    return await settle(call, answer, BLOCKED)


def _withhold(call: Call, answer: Answer, blocked: Blocked) -> None:
    if not answer.was_called:
        answer.usage, answer.units = Usage(0, 0), 0
    withheld(call, answer, blocked.finding)
