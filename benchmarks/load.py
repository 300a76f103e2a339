"""The load generator: keeps a number of connections busy with one kind of request.

`python -m benchmarks.load` runs in a process of its own and prints its figures as JSON. A bare
asyncio protocol again, so that the processor is left to what is measured. Every answer is looked
at: one that is not 200, or a stream without all its chunks, counts as an error.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

import orjson

from benchmarks.mock_answers import CHUNKS

ANSWER_SECONDS = 60.0
HEAD_END = b"\r\n\r\n"
PROMPT = "Tell me in one sentence what the quick brown fox does, and where it rains."


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and what they ask."""

    url: str
    key: str
    model: str
    stream: bool

    def request(self) -> bytes:
        """Return the bytes of the request."""
        parts = urlsplit(self.url)
        data: dict[str, object] = {
            "model": self.model,
            "messages": [{"role": "user", "content": PROMPT}],
        }
        if self.stream:
            data |= {"stream": True, "stream_options": {"include_usage": True}}
        body = orjson.dumps(data)
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(slots=True)
class Sample:
    """The times of one answer, in seconds since its request was sent."""

    first: float
    whole: float


@dataclass(slots=True)
class Figures:
    """What a run found. Times are in milliseconds."""

    requests: int = 0
    errors: int = 0
    seconds: float = 0
    p50: float = 0
    p99: float = 0
    first_p50: float = 0
    first_p99: float = 0
    example_of_error: str = ""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds if self.seconds else 0


class Client(asyncio.Protocol):
    """One connection with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._sent = self._first = 0.0
        self._whole: asyncio.Future[bytes] | None = None
        self._begun: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that is under way."""
        for waiting in (self._whole, self._begun):
            if waiting is not None and not waiting.done():
                waiting.set_exception(ConnectionError("the server hung up"))
                # Whoever still waits gets it all the same; for the others it is no news.
                waiting.exception()

    def data_received(self, data: bytes) -> None:
        """Take note of the first and the last piece of the answer."""
        received = self._received
        received += data
        if not self._first and received.find(HEAD_END) not in {-1, len(received) - 4}:
            self._first = time.perf_counter()
            if self._begun is not None and not self._begun.done():
                self._begun.set_result(None)
        if self._whole is not None and not self._whole.done() and is_complete(received):
            self._whole.set_result(bytes(received))

    def send(self, request: bytes) -> None:
        """Send `request`."""
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        self._whole, self._begun = loop.create_future(), loop.create_future()
        self._received.clear()
        self._first, self._sent = 0.0, time.perf_counter()
        self._transport.write(request)

    async def begun(self) -> None:
        """Return when the first piece of the body is there."""
        assert self._begun is not None
        await self._begun

    async def whole(self) -> tuple[bytes, Sample]:
        """Return the whole answer and its times."""
        assert self._whole is not None
        answer = await self._whole
        now = time.perf_counter()
        return answer, Sample((self._first or now) - self._sent, now - self._sent)

    def close(self) -> None:
        """Hang up; nobody waits for an answer any more."""
        for waiting in (self._whole, self._begun):
            if waiting is not None:
                waiting.cancel()
        if self._transport is not None:
            self._transport.close()


def is_complete(received: bytes | bytearray) -> bool:
    """Return whether `received` is a whole HTTP answer."""
    end = received.find(HEAD_END)
    if end < 0:
        return False
    if received.endswith(b"\r\n0\r\n\r\n"):
        return True
    head = bytes(received[:end]).lower()
    _, found, rest = head.partition(b"content-length:")
    return bool(found) and len(received) >= end + 4 + int(rest.split(b"\r\n", 1)[0])


def complaint(answer: bytes, *, stream: bool) -> str:
    """Return what is wrong with `answer`, or an empty text."""
    if not answer.startswith(b"HTTP/1.1 200"):
        return answer[:500].decode(errors="replace")
    if stream and (answer.count(b'"content":') < CHUNKS or b"data: [DONE]" not in answer):
        return "a stream without all its chunks"
    return ""


@dataclass(slots=True)
class Run:
    """The shared state of the connections of one run."""

    target: Target
    left: int
    deadline: float
    samples: list[Sample] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def tickets(self) -> Iterator[None]:
        """Yield once for each request that may still be sent."""
        while self.left > 0 and time.perf_counter() < self.deadline:
            self.left -= 1
            yield


async def measure(target: Target, *, concurrency: int, requests: int, seconds: float) -> Figures:
    """Send `requests`, `concurrency` at a time, for at most `seconds`, and return the figures."""
    run = Run(target, requests, time.perf_counter() + seconds)
    began = time.perf_counter()
    await asyncio.gather(*(_keep_busy(run) for _ in range(concurrency)))
    return _figures(run, time.perf_counter() - began)


async def _keep_busy(run: Run) -> None:
    request = run.target.request()
    client = await connect(run.target.url)
    for _ in run.tickets():
        client.send(request)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer, sample = await client.whole()
        except (ConnectionError, TimeoutError) as error:
            run.errors.append(repr(error))
            client.close()
            client = await connect(run.target.url)
            continue
        wrong = complaint(answer, stream=run.target.stream)
        if wrong:
            run.errors.append(wrong)
        else:
            run.samples.append(sample)
        if b"connection: close" in answer[:1000].lower():
            client = await connect(run.target.url)
    client.close()


async def connect(url: str) -> Client:
    """Return a new connection to the server of `url`."""
    parts = urlsplit(url)
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(Client, parts.hostname or "", parts.port or 80)
    return client


async def latency_beside_streams(stalling: Target, plain: Target, count: int) -> Figures:
    """Hold `count` begun streams open, and return the figures of plain requests beside them."""
    clients = [await connect(stalling.url) for _ in range(count)]
    try:
        for client in clients:
            client.send(stalling.request())
        async with asyncio.timeout(ANSWER_SECONDS):
            await asyncio.gather(*(client.begun() for client in clients))
        return await measure(plain, concurrency=1, requests=50, seconds=ANSWER_SECONDS)
    finally:
        for client in clients:
            client.close()


def _figures(run: Run, seconds: float) -> Figures:
    whole = sorted(sample.whole for sample in run.samples)
    first = sorted(sample.first for sample in run.samples)
    return Figures(
        requests=len(whole),
        errors=len(run.errors),
        seconds=seconds,
        p50=percentile(whole, 50),
        p99=percentile(whole, 99),
        first_p50=percentile(first, 50),
        first_p99=percentile(first, 99),
        example_of_error=run.errors[0] if run.errors else "",
    )


def percentile(ordered: list[float], share: int) -> float:
    """Return the nearest-rank percentile of seconds, in milliseconds; 0 for no values."""
    if not ordered:
        return 0.0
    rank = -(-len(ordered) * share // 100)
    return ordered[rank - 1] * 1000


def main() -> None:
    """Run as the command line says and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--url", required=True, help="of the chat completions")
    parser.add_argument("--key", default="none")
    parser.add_argument("--model", default="mock")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--beside", type=int, default=0, help="streams to hold open meanwhile")
    parser.add_argument("--stalling-model", default="stall-mid-stream")
    given = parser.parse_args()
    target = Target(given.url, given.key, given.model, given.stream)
    if given.beside:
        stalling = Target(given.url, given.key, given.stalling_model, stream=True)
        run = latency_beside_streams(stalling, target, given.beside)
    else:
        run = measure(
            target,
            concurrency=given.concurrency,
            requests=given.requests,
            seconds=given.seconds,
        )
    print(orjson.dumps(asdict(asyncio.run(run))).decode())


if __name__ == "__main__":
    main()
