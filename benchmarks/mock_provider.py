"""A model provider that answers at once, for measurements and tests.

A bare asyncio protocol, because a framework would be a good part of what is measured. It speaks
OpenAI's API (/v1/chat/completions, /v1/embeddings, /v1/models; of images and speech see
`mock_media`) and Anthropic's (/v1/messages).

The name of the model, or the header `X-Mock`, chooses a misbehaviour:

    error-<status>     answers with that status (429 with Retry-After: 7; 401 repeats the key)
    garbage, html      answers 200 with bytes that are no JSON, with a web page
    wrong-shape        answers 200 with JSON of another kind
    redirect           answers 307
    hang               never answers
    hang-up            closes the connection instead of answering
    cut-mid-stream     closes it half-way
    stall-mid-stream   falls silent half-way
    error-mid-stream   reports an error half-way
    no-usage, no-done  leaves out the token counts, the [DONE]
    huge-line          sends a line of 3 MB
    slow-<ms>          waits before each chunk
    late-<ms>          waits once, before its first word
    chunks-<n>         streams n chunks
    bytewise           sends a stream byte by byte
    unicode, tools     answers with text beyond ASCII, with a tool call
    echo               answers with the last message
    told-<n>           answers with what follows SAY in the last message, n characters a chunk
    say:<text>         answers with that text
    tools-split        streams a tool call whose arguments are cut within the word `marzipan`
    judge-<ms>         answers a verdict after that time (see `mock_judge`)
    echo-<another>     repeats the last message before it breaks off, and in its error:
                       echo-error-<status>, echo-(cut|stall|error)-mid-stream
"""

import argparse
import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import orjson

from benchmarks import mock_answers as say
from benchmarks import mock_judge
from benchmarks import mock_media as media

HOST = "127.0.0.1"
MEDIA_PATHS = frozenset({media.IMAGES, media.SPEECH, media.TRANSCRIPTIONS})
BODY_MAX_BYTES = 64 * 1024 * 1024
UNICODE_TEXT = "Grüße, 日本語 🦊 ẞ"
HUGE_LINE_BYTES = 3_000_000
# Lets the first half arrive: a client may throw away what it receives together with a hang-up.
PAUSE_BEFORE_BREAK_SECONDS = 0.05


@dataclass(slots=True)
class Received:
    """A request as it came in; `hung_up` says that the client left before the answer was whole."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    model: str
    connection: int
    hung_up: bool = False


@dataclass(slots=True)
class Log:
    """What a provider has seen. Kept only when asked for: memory would grow under load."""

    enabled: bool = False
    requests: list[Received] = field(default_factory=list)
    connections: int = 0


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._current: Received | None = None
        self._task: asyncio.Task[None] | None = None
        self._number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the client."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._log.connections += 1
        self._number = self._log.connections

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop answering."""
        if self._current is not None:
            self._current.hung_up = True
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self._buffer += data
        if not self._buffer[:1].isalpha() and self._buffer:
            self._write(say.answer(400, b"this is no HTTP"))
            self._close()
            return
        while (found := self._take_request()) is not None:
            self._answer(*found)

    def _take_request(self) -> tuple[str, str, dict[str, str], bytes] | None:
        if self._current is not None:
            return None
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        length = min(int(headers.get("content-length", 0)), BODY_MAX_BYTES)
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        method, path, _ = first.split(" ", 2)
        return method, path, headers, rest[:length]

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        data = _read(headers, body)
        model = str(data.get("model", ""))
        request = Received(method, path, headers, data, model, self._number)
        self._current = request
        if self._log.enabled:
            self._log.requests.append(request)
        switch = headers.get("x-mock") or model
        plain = _plain_answer(switch, request)
        if plain is not None:
            self._write(plain)
            self._done()
        else:
            self._task = asyncio.get_running_loop().create_task(self._perform(switch, request))

    async def _perform(self, switch: str, request: Received) -> None:
        name, _, number = switch.partition("-")
        if switch == "hang":
            return
        if name == "late":
            await asyncio.sleep(int(number) / 1000)
        if switch == "hang-up":
            self._close()
        elif not request.body.get("stream"):
            await asyncio.sleep(int(number) / 1000 if name in {"slow", "judge"} else 0)
            self._write(_whole(switch, request))
            self._done()
        elif await self._stream(switch, _events(switch, request)):
            self._write(say.LAST_CHUNK)
            self._done()

    async def _stream(self, switch: str, events: tuple[bytes, ...]) -> bool:
        """Write `events`; return whether the answer shall be ended in good order."""
        self._write(say.STREAM_HEAD)
        name, _, number = switch.partition("-")
        delay = int(number) / 1000 if name == "slow" else 0
        for place, item in enumerate(events):
            if place == len(events) // 2 and switch.endswith("-mid-stream"):
                await asyncio.sleep(PAUSE_BEFORE_BREAK_SECONDS)
                return self._break(switch)
            for part in _single_bytes(item) if switch == "bytewise" else (item,):
                self._write(say.framed(part))
                await asyncio.sleep(delay)
        return True

    def _break(self, switch: str) -> bool:
        kind = switch.removeprefix("echo-")
        if kind == "cut-mid-stream":
            self._close()
        if kind != "error-mid-stream":
            return False
        said = "the engine fell over"
        if switch != kind and self._current is not None:
            said += f" over “{_last_text(self._current)}”"
        error = {"message": said, "type": "server_error", "code": 500}
        self._write(say.framed(say.event({"error": error})))
        return True

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _close(self) -> None:
        self._current = None
        if self._transport is not None:
            self._transport.close()

    def _done(self) -> None:
        self._current = None
        self._task = None
        if self._buffer:
            asyncio.get_running_loop().call_soon(self.data_received, b"")


def _read(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    if headers.get("content-type", "").startswith("multipart/form-data"):
        return media.form_of(headers, body)
    found: dict[str, Any] = orjson.loads(body) if body else {}
    return found


def _single_bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def _plain_answer(switch: str, request: Received) -> bytes | None:
    """Return the answer when it needs no waiting, or None."""
    kind = switch.removeprefix("echo-")
    if kind.startswith("error-") and kind != "error-mid-stream":
        status = int(kind.removeprefix("error-"))
        if switch != kind:
            return say.refusal(status, f"no answer to “{_last_text(request)}”")
        return _refusal(status, request)
    if switch in FIXED:
        return FIXED[switch]()
    path = request.path.partition("?")[0]
    if path in MEDIA_PATHS or path == media.PICTURE:
        return _plain_media(path, switch, request)
    if path == "/v1/models":
        return say.model_list()
    return _plain_words(path, switch, request)


def _plain_words(path: str, switch: str, request: Received) -> bytes | None:
    if path == "/v1/embeddings" and switch not in {"hang", "hang-up"}:
        inputs = request.body.get("input")
        inputs = inputs if isinstance(inputs, list) else [inputs]
        size = request.body.get("dimensions") or say.VECTOR_SIZE
        return say.embeddings(request.model, inputs, size)
    known = path in {"/v1/chat/completions", "/v1/messages", "/v1/embeddings"}
    return None if known else say.answer(404, b"<html>Not here</html>", "text/html")


def _plain_media(path: str, switch: str, request: Received) -> bytes | None:
    if path == media.PICTURE:
        return say.answer(200, media.png(), "image/png")
    if switch in {"hang", "hang-up"} or switch.startswith("slow-"):
        return None
    return media.media_answer(path, switch, request.body, request.headers["host"])


def _refusal(status: int, request: Received) -> bytes:
    if status == 401:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        return say.refusal(401, f"Incorrect API key provided: {key}.", "invalid_api_key")
    if status == 404:
        return say.refusal(404, f"The model `{request.model}` does not exist", "model_not_found")
    more = "Retry-After: 7\r\n" if status == 429 else ""
    key = request.headers.get("authorization", "")
    message = f"mock says {status} at http://10.1.2.3:8080/x for {key}\x1b[31m\r\n"
    return say.refusal(status, message, more=more)


FIXED: dict[str, Callable[[], bytes]] = {
    "garbage": lambda: say.answer(200, b"\x00\xffgarbage{{{"),
    "html": lambda: say.answer(200, b"<html><h1>Welcome</h1></html>", "text/html"),
    "wrong-shape": lambda: say.answer(200, b'{"choices": 7, "data": {"a": 1}}'),
    "redirect": lambda: say.answer(307, b"", more="Location: http://127.0.0.1:1/v1\r\n"),
}


def _last_text(request: Received) -> str:
    messages = request.body.get("messages")
    return str(messages[-1]["content"] if messages else request.body.get("input"))


def _texts(switch: str, request: Received) -> tuple[str, ...]:
    if switch == "unicode":
        return tuple(UNICODE_TEXT)
    if switch == "echo" or switch.startswith("echo-"):
        return (_last_text(request),)
    if switch.startswith("chunks-"):
        return tuple(say.pieces(int(switch.removeprefix("chunks-"))))
    return mock_judge.scripted(switch, request.body) or tuple(say.pieces(say.CHUNKS))


def _whole(switch: str, request: Received) -> bytes:
    if request.path in MEDIA_PATHS:
        return media.media_answer(request.path, switch, request.body, request.headers["host"])
    texts = _texts(switch, request)
    if request.path.endswith("/messages"):
        return say.anthropic_answer(request.model, texts)
    is_judge = switch.startswith("judge-") and request.body.get("tools")
    if switch == "tools" or is_judge:
        called = mock_judge.tool_call(texts[0]) if is_judge else _tool_call()
        message = {"role": "assistant", "content": None, "tool_calls": [called]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return say.answer(200, orjson.dumps({"model": request.model, "choices": [choice]}))
    return say.openai_answer(request.model, texts, usage=switch != "no-usage")


def _events(switch: str, request: Received) -> tuple[bytes, ...]:
    texts = _texts(switch, request)
    if request.path.endswith("/messages"):
        return say.anthropic_events(request.model, texts)
    if switch == "huge-line":
        return (b"data: " + b"x" * HUGE_LINE_BYTES,)
    if switch == "tools":
        delta: dict[str, object] = {"tool_calls": [{"index": 0, **_tool_call()}]}
        return (
            say.event(say.chunk(request.model, delta)),
            say.event(say.chunk(request.model, {}, "tool_calls")),
            b"data: [DONE]\n\n",
        )
    if switch == "tools-split":
        pieces = mock_judge.split_call()
        deltas = [say.event(say.chunk(request.model, {"tool_calls": [one]})) for one in pieces]
        return (*deltas, b"data: [DONE]\n\n")
    events = say.openai_events(request.model, texts, usage=switch != "no-usage")
    return events[:-1] if switch == "no-done" else events


def _tool_call() -> dict[str, object]:
    return {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Lisbon"}'},
    }


class MockProvider:
    """The provider in a thread of this process, for tests: `with MockProvider() as provider:`."""

    def __init__(self, port: int = 0) -> None:
        self.log = Log(enabled=True)
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True, name="mock-provider")

    @property
    def url(self) -> str:
        """The base address, with /v1."""
        return f"http://{HOST}:{self.port}/v1"

    @property
    def requests(self) -> list[Received]:
        """What came in so far."""
        return self.log.requests

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _serve(self) -> None:
        server = self._loop.run_until_complete(start(self.port, self.log))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


async def start(port: int, log: Log | None = None) -> asyncio.Server:
    """Start serving in the running loop and return the server."""
    seen = log or Log()
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(seen), HOST, port, backlog=2048)


async def _run(port: int) -> None:
    server = await start(port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until interrupted; print the port."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    asyncio.run(_run(parser.parse_args().port))


if __name__ == "__main__":
    main()
