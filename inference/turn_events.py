"""A turn of a chat as server-sent events: one loop for every surface that shows a chat."""

from collections.abc import AsyncIterator, Callable

from inference.calls import Call
from inference.finish import Receipt
from inference.pipeline import Stream
from restai_site.lib import sse
from restai_site.lib.errors import DomainError

Told = dict[str, object]


async def turn_events(
    call: Call,
    stream: Stream,
    *,
    start: Told,
    blocked: Callable[[Told], Told],
    done: Callable[[Receipt], Told],
) -> AsyncIterator[bytes]:
    """Yield `start`, each `token`, then `blocked` where a guard blocks, and `done` or `error`.

    What a surface tells at the start, of a guard's verdict and of the receipt is its own. The
    stream is closed whatever happens.
    """
    guarded = call.guarded
    try:
        yield sse.event(start, "start")
        async for batch in stream:
            is_blocked = guarded is not None and guarded.blocked is not None
            if not is_blocked and (text := "".join([delta.text for delta in batch])):
                yield sse.event({"text": text}, "token")
        if guarded is not None and guarded.blocked is not None:
            yield sse.event(blocked(guarded.for_answer or {}), "blocked")
        if stream.receipt is not None:
            yield sse.event(done(stream.receipt), "done")
    except DomainError as error:
        yield sse.event({"code": error.code, "message": error.message}, "error")
    finally:
        await stream.close()
