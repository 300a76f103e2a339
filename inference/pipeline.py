"""The one way to a model: prepare, then the provider, then finish.

Every surface comes through here, and images in messages through `settle_images` before anything
else. No transaction is open and no database thread is held while they are fetched and while the
provider talks; `finish` runs in every case, also when the client has gone or may not go on: an
answer ends with the credential that asked for it (`accounts.watch`).
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from django.db import InterfaceError, OperationalError

from accounts import watch
from catalog.adapters import adapter_for
from catalog.adapters.types import (
    Delta,
    EmbeddingResult,
    ImageRequest,
    SpeechRequest,
    TranscriptionRequest,
)
from inference.calls import Answer, Call
from inference.finish import Receipt, finish
from inference.images import holds_parts, made_anew, settle_images
from restai_site.lib.db import in_database
from restai_site.lib.errors import ProviderFailed, ProviderTimedOut

log = logging.getLogger(__name__)
# A database that restarts is back within these.
FINISH_AGAIN_AFTER_SECONDS = (0.1, 0.5, 2, 5)
# Tasks that outlive their request; the loop itself holds them only weakly.
_finishing: set[asyncio.Task[Receipt]] = set()


async def complete(call: Call) -> tuple[Answer, Receipt]:
    """Call the model and return its whole answer.

    Raises ProviderFailed, ProviderTimedOut, CredentialEnded or AccessEnded; the usage is written
    before any is raised. Raises Invalid or FetchFailed for images; the provider is not called then,
    and no usage written.
    """
    answer = Answer()
    assert call.request is not None  # noqa: S101  prepare has set it
    if holds_parts(call.request.messages):
        await settle_images(call)
    async with _counted_when_it_fails(call, answer):
        given = adapter_for(call.endpoint.kind).chat(call.endpoint, call.request)
        result = await watch.whole(call.actor, given, call.place)
    answer.parts.append(result.content)
    answer.tool_calls = list(result.tool_calls or [])
    answer.finish_reason, answer.usage = result.finish_reason, result.usage
    return answer, await _settle(call, answer, "completed")


async def embed(call: Call, dimensions: int | None) -> tuple[EmbeddingResult, Receipt]:
    """Call the embedding model. Raises as `complete` does."""
    answer = Answer()
    async with _counted_when_it_fails(call, answer):
        adapter = adapter_for(call.endpoint.kind)
        result = await adapter.embed(call.endpoint, call.inputs, dimensions)
    answer.usage = result.usage
    return result, await _settle(call, answer, "completed")


async def make_images(call: Call) -> tuple[list[bytes], Receipt]:
    """Have images made and return them, written anew by the platform. Raises as `complete` does."""
    answer, request = Answer(), call.media
    assert isinstance(request, ImageRequest)  # noqa: S101  prepare has set it
    async with _counted_when_it_fails(call, answer):
        given = adapter_for(call.endpoint.kind).images(call.endpoint, request)
        made = await watch.whole(call.actor, given, call.place)
        answer.units = len(made)
        written = await watch.whole(call.actor, made_anew(call, made), call.place)
    return written, await _settle(call, answer, "completed")


async def speak(call: Call) -> tuple[bytes, Receipt]:
    """Have a text spoken and return the sound. Raises as `complete` does."""
    answer, request = Answer(), call.media
    assert isinstance(request, SpeechRequest)  # noqa: S101  prepare has set it
    async with _counted_when_it_fails(call, answer):
        given = adapter_for(call.endpoint.kind).speech(call.endpoint, request)
        sound = await watch.whole(call.actor, given, call.place)
    return sound, await _settle(call, answer, "completed")


async def transcribe(call: Call) -> tuple[str, Receipt]:
    """Have speech written down and return the text. Raises as `complete` does."""
    answer, request = Answer(), call.media
    assert isinstance(request, TranscriptionRequest)  # noqa: S101  prepare has set it
    async with _counted_when_it_fails(call, answer):
        given = adapter_for(call.endpoint.kind).transcribe(call.endpoint, request)
        text = await watch.whole(call.actor, given, call.place)
    answer.parts.append(text)
    answer.units = len(text)
    return text, await _settle(call, answer, "completed")


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

    async def first(self) -> list[Delta]:
        """Return the first pieces, so that an early failure can still have a status of its own."""
        return await anext(self._pieces, [])

    async def close(self) -> None:
        """Hang up; what has come so far is counted and kept."""
        await self._pieces.aclose()

    async def _run(self) -> AsyncGenerator[list[Delta], None]:
        call, answer = self.call, self.answer
        assert call.request is not None  # noqa: S101  prepare has set it
        if holds_parts(call.request.messages):
            await settle_images(call)
        outcome = "completed"
        try:
            batches = adapter_for(call.endpoint.kind).batches(call.endpoint, call.request)
            # Closing hangs up on the provider at once, not when the garbage collector comes by.
            async with (
                aclosing(batches),
                aclosing(watch.pieces(call.actor, batches, call.place)) as pieces,
            ):
                async for batch in pieces:
                    for delta in batch:
                        answer.add(delta, call)
                    yield batch
        except BaseException as error:
            outcome = outcome_of(error)
            raise
        finally:
            self.receipt = await _settle(call, answer, outcome)


def outcome_of(error: BaseException) -> str:
    """Return the outcome that the ledger keeps for `error`."""
    if isinstance(error, ProviderTimedOut):
        return "timeout"
    if isinstance(
        error, asyncio.CancelledError | GeneratorExit | watch.CredentialEnded | watch.AccessEnded
    ):
        return "cancelled"
    return "provider_error" if isinstance(error, ProviderFailed) else "failed"


@asynccontextmanager
async def _counted_when_it_fails(call: Call, answer: Answer) -> AsyncIterator[None]:
    try:
        yield
    except BaseException as error:  # a client that hangs up cancels: that call is counted too
        await _settle(call, answer, outcome_of(error))
        raise


async def _finished(call: Call, answer: Answer, outcome: str) -> Receipt:
    """Run `finish`, again where the connection to the database was lost: it writes a call once."""
    for seconds in FINISH_AGAIN_AFTER_SECONDS:
        try:
            return await in_database(finish, call, answer, outcome)
        except (OperationalError, InterfaceError) as error:
            log.warning("The end of a call was not written and is tried again: %s", error)
            await asyncio.sleep(seconds)
    return await in_database(finish, call, answer, outcome)


async def _settle(call: Call, answer: Answer, outcome: str) -> Receipt:
    """Run `finish` to its end, whatever happens to the request meanwhile."""
    task = asyncio.ensure_future(_finished(call, answer, outcome))
    _finishing.add(task)
    task.add_done_callback(_finishing.discard)
    return await asyncio.shield(task)
