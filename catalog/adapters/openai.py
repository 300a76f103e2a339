"""The fast path: endpoints that speak OpenAI's API, straight over the pooled session.

OpenAI, vLLM, Ollama, llama.cpp and most others. No client library stands between, because those
cost ten times the processor time of the call itself.
"""

import asyncio
import math
import time
from array import array
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import Any, NamedTuple, TypeGuard

import aiohttp
import orjson
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from catalog.adapters import errors
from catalog.adapters.event_stream import EventStreamReader, LineTooLongError
from catalog.adapters.types import ChatRequest, ChatResult, Delta, EmbeddingResult, Endpoint, Usage
from restai_site.lib import egress
from restai_site.lib.errors import ProviderFailed

OPENAI_URL = "https://api.openai.com/v1"
ANSWER_MAX_BYTES = 64 * 1024 * 1024
ERROR_MAX_BYTES = 64 * 1024
LINE_MAX_BYTES = 1024 * 1024
TOKENS_MAX = 2**31 - 1
# A kept connection that the provider has closed meanwhile fails at once; later failures are real.
STALE_CONNECTION_SECONDS = 1.0
# How long the end of the body may follow the [DONE] so that the connection can be used again.
TAIL_SECONDS = 0.25
DONE = b"[DONE]"
FAILURES = errors.CONNECTION_FAILURES


class Form(NamedTuple):
    """A body that is no JSON, and what it is."""

    content: bytes
    content_type: str


class OpenAIAdapter:
    """Talks to an OpenAI-compatible endpoint. Keeps no state: the session belongs to the loop."""

    async def chat(self, endpoint: Endpoint, request: ChatRequest) -> ChatResult:
        """Return the complete answer."""
        body = _chat_body(endpoint, request, stream=False)
        return _result(await exchange(endpoint, "/chat/completions", body), endpoint)

    async def embed(
        self, endpoint: Endpoint, inputs: Sequence[str], dimensions: int | None = None
    ) -> EmbeddingResult:
        """Return one vector for each of `inputs`."""
        body: dict[str, Any] = {
            "model": model_of(endpoint), "input": list(inputs), "encoding_format": "float",
        }  # fmt: skip
        if dimensions is not None:
            body["dimensions"] = dimensions
        answer = await exchange(endpoint, "/embeddings", body)
        return EmbeddingResult(_vectors(answer, len(inputs)), _usage(answer.get("usage")))

    async def stream(self, endpoint: Endpoint, request: ChatRequest) -> AsyncGenerator[Delta, None]:
        """Yield the pieces of the answer one by one."""
        async with aclosing(self.batches(endpoint, request)) as batches:
            async for batch in batches:
                for delta in batch:
                    yield delta

    async def batches(
        self, endpoint: Endpoint, request: ChatRequest
    ) -> AsyncGenerator[list[Delta], None]:
        """Yield the pieces of the answer, grouped as they arrived from the network."""
        body = _chat_body(endpoint, request, stream=True)
        response = await post(endpoint, "/chat/completions", body, idle=endpoint.idle_seconds)
        try:
            if response.content_type == "application/json":
                yield [_as_delta(_result(await _json(response, endpoint), endpoint))]
                return
            async for batch in _read_stream(response, endpoint):
                yield batch
        except FAILURES as error:
            raise errors.from_exception(error, endpoint) from None
        finally:
            # Hangs up at once when the answer was not read to its end; nothing happens otherwise.
            response.close()

    async def models(self, endpoint: Endpoint) -> list[str]:
        """Return the ids of the models that the endpoint offers."""
        answer = await exchange(endpoint, "/models", None)
        items = answer.get("data")
        if not isinstance(items, list):
            raise errors.bad_answer("its list of models has no “data”")
        names = [item.get("id") for item in items if isinstance(item, dict)]
        return [name for name in names if isinstance(name, str)]


async def _read_stream(
    response: aiohttp.ClientResponse, endpoint: Endpoint
) -> AsyncGenerator[list[Delta], None]:
    reader, content = EventStreamReader(LINE_MAX_BYTES), response.content
    received, finished, ended = 0, False, False
    while not ended:
        chunk = await content.readany()
        ended = not chunk
        received += len(chunk)
        if received > ANSWER_MAX_BYTES:
            raise errors.too_large()
        try:
            events = reader.feed(chunk) if chunk else reader.close()
        except LineTooLongError:
            raise errors.too_large() from None
        if DONE in events:
            del events[events.index(DONE) :]
            finished = ended = True
        batch, failure = _decoded(events, endpoint)
        if batch:
            finished = finished or any(delta.finish_reason for delta in batch)
            yield batch
        if failure:
            raise failure
    if not finished:
        raise _unfinished(response, received)
    await _read_tail(content)


def _decoded(events: list[bytes], endpoint: Endpoint) -> tuple[list[Delta], ProviderFailed | None]:
    """Return what `events` say up to the first that is an error, and that error."""
    batch: list[Delta] = []
    try:
        for event in events:
            if event and (delta := _delta(event, endpoint)):
                batch.append(delta)  # noqa: PERF401  what came before an error must be kept
    except ProviderFailed as failure:
        return batch, failure
    return batch, None


def _unfinished(response: aiohttp.ClientResponse, received: int) -> Exception:
    if response.content_type != "text/event-stream" and received:
        return errors.bad_answer("it is not an event stream")
    return errors.interrupted()


async def _read_tail(content: aiohttp.StreamReader) -> None:
    """Read what follows the [DONE], normally nothing, so that the connection goes back."""
    if content.at_eof():
        return
    try:
        async with asyncio.timeout(TAIL_SECONDS):
            await content.readany()
    except FAILURES:
        # The answer is complete; only this connection is of no further use.
        return


def _delta(event: bytes, endpoint: Endpoint) -> Delta | None:
    """Return what `event` adds to the answer, or None when that is nothing."""
    try:
        data = orjson.loads(event)
    except orjson.JSONDecodeError:
        raise errors.bad_answer("a part of its stream is not JSON") from None
    if type(data) is not dict:
        raise errors.bad_answer("a part of its stream is not an object")
    if data.get("error"):
        raise errors.from_event(data["error"], endpoint)
    delta = Delta()
    if usage := data.get("usage"):
        delta.usage = _usage(usage)
    if choices := data.get("choices"):
        _fill(delta, choices)
    return delta if delta.text or delta.finish_reason or delta.usage or delta.tool_calls else None


def _fill(delta: Delta, choices: Any) -> None:
    choice = choices[0] if type(choices) is list else None
    if type(choice) is not dict:
        raise errors.bad_answer("a part of its stream has no choice")
    if reason := choice.get("finish_reason"):
        delta.finish_reason = str(reason)
    piece = choice.get("delta")
    if type(piece) is not dict:
        return
    content = piece.get("content")
    if content:
        delta.text = content if type(content) is str else _text(content)
    if calls := piece.get("tool_calls"):
        delta.tool_calls = _tool_calls(calls)


def _result(answer: dict[str, Any], endpoint: Endpoint) -> ChatResult:
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise errors.bad_answer("it has no message")
    calls = message.get("tool_calls")
    return ChatResult(
        content=_text(message.get("content")),
        finish_reason=str(choice.get("finish_reason") or "stop"),
        usage=_usage(answer.get("usage")),
        tool_calls=_tool_calls(calls) if calls else None,
        model=str(answer.get("model") or endpoint.model),
    )


def _as_delta(result: ChatResult) -> Delta:
    return Delta(result.content, result.tool_calls, result.finish_reason, result.usage)


def _text(content: Any) -> str:
    """Return the text of a message, also where it comes as a list of parts."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if not isinstance(content, list):
        raise errors.bad_answer("its content is not text")
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(part for part in parts if isinstance(part, str))


def _tool_calls(calls: Any) -> list[dict[str, Any]]:
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise errors.bad_answer("its tool calls are not a list of objects")
    return calls


def _usage(usage: Any) -> Usage | None:
    """Return the token counts, or None where the provider gave none that make sense."""
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens", 0)
    if _is_count(prompt) and _is_count(completion):
        return Usage(prompt, completion)
    return None


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= TOKENS_MAX


def _vectors(answer: dict[str, Any], expected: int) -> list[list[float]]:
    items = answer.get("data")
    if not isinstance(items, list) or len(items) != expected:
        raise errors.bad_answer("it does not hold one vector for each text")
    try:
        ordered = sorted(items, key=lambda item: item["index"])
        vectors = [array("d", item["embedding"]).tolist() for item in ordered]
    except (KeyError, TypeError):
        raise errors.bad_answer("its vectors are not lists of numbers") from None
    if [item["index"] for item in ordered] != list(range(expected)):
        raise errors.bad_answer("its vectors are not numbered")
    if not all(vector and len(vector) == len(vectors[0]) for vector in vectors):
        raise errors.bad_answer("its vectors differ in length")
    if not all(math.isfinite(sum(vector)) for vector in vectors):
        raise errors.bad_answer("its vectors are not finite")
    return vectors


def _chat_body(endpoint: Endpoint, request: ChatRequest, *, stream: bool) -> dict[str, Any]:
    body = request.parameters()
    body["model"] = model_of(endpoint)
    if endpoint.kind == "openai" and "max_tokens" in body:
        # OpenAI's newer models refuse the old name, and its older ones know the new one.
        body["max_completion_tokens"] = body.pop("max_tokens")
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return body


def model_of(endpoint: Endpoint) -> str:
    """Return the provider's name of the model: at OpenAI without litellm's prefix."""
    if endpoint.kind == "openai":
        return endpoint.model.removeprefix("openai/")
    return endpoint.model


async def exchange(
    endpoint: Endpoint, path: str, body: dict[str, Any] | Form | None
) -> dict[str, Any]:
    """Send `body` (a GET without one) and return the JSON object of the answer."""
    response = await post(endpoint, path, body, idle=None)
    try:
        return await _json(response, endpoint)
    except FAILURES as error:
        raise errors.from_exception(error, endpoint) from None
    finally:
        response.close()


async def _json(response: aiohttp.ClientResponse, endpoint: Endpoint) -> dict[str, Any]:
    try:
        answer = orjson.loads(await read_body(response, ANSWER_MAX_BYTES))
    except orjson.JSONDecodeError:
        raise errors.bad_answer("it is not JSON") from None
    if not isinstance(answer, dict):
        raise errors.bad_answer("it is not an object")
    if answer.get("error"):
        raise errors.from_event(answer["error"], endpoint)
    return answer


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the whole body. Raises ProviderFailed where it is larger than `limit`."""
    content, pieces, size = response.content, [], 0
    while chunk := await content.readany():
        size += len(chunk)
        if size > limit:
            raise errors.too_large()
        pieces.append(chunk)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def post(
    endpoint: Endpoint, path: str, body: dict[str, Any] | Form | None, *, idle: float | None
) -> aiohttp.ClientResponse:
    """Send the request (a GET without a body) and return the answer, its body not yet read.

    Tries a second time when the connection turns out to have been closed before anything came
    back, which happens to kept connections; never after the first byte.
    """
    url, headers = _target(endpoint.base_url or OPENAI_URL, path, endpoint.api_key)
    if isinstance(body, Form):
        payload: bytes | None = body.content
        headers = CIMultiDictProxy(CIMultiDict({**headers, "Content-Type": body.content_type}))
    else:
        payload = _encoded(body)
    limits = _limits(endpoint.connect_seconds, idle, endpoint.timeout_seconds)
    started = time.monotonic()
    try:
        try:
            response = await _send(url, headers, payload, limits)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            in_time = time.monotonic() - started < STALE_CONNECTION_SECONDS
            if isinstance(error, aiohttp.ClientConnectorError) or not in_time:
                raise
            response = await _send(url, headers, payload, limits)
    except FAILURES as error:
        raise errors.from_exception(error, endpoint) from None
    if response.status != 200:
        raise await _refusal(response, endpoint)
    return response


def _encoded(body: dict[str, Any] | None) -> bytes | None:
    try:
        return None if body is None else orjson.dumps(body)
    except TypeError:
        raise errors.unencodable() from None


async def _send(
    url: URL, headers: CIMultiDictProxy[str], payload: bytes | None, limits: aiohttp.ClientTimeout
) -> aiohttp.ClientResponse:
    return await egress.request(
        "GET" if payload is None else "POST",
        url,
        purpose=egress.Purpose.PROVIDER,
        time_limits=limits,
        data=payload,
        headers=headers,
    )


async def _refusal(response: aiohttp.ClientResponse, endpoint: Endpoint) -> Exception:
    try:
        body = await read_body(response, ERROR_MAX_BYTES)
    except (*FAILURES, ProviderFailed):
        body = b""
    finally:
        response.close()
    retry_after = response.headers.get("Retry-After")
    return errors.from_status(response.status, body, endpoint, retry_after=retry_after)


@lru_cache(maxsize=256)
def _limits(connect: float, idle: float | None, total: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total, sock_connect=connect, sock_read=idle)


@lru_cache(maxsize=1024)
def _target(base_url: str, path: str, api_key: str) -> tuple[URL, CIMultiDictProxy[str]]:
    """Return the checked URL and the headers: the same for every call of an endpoint."""
    url = URL(egress.check_url(base_url))
    headers = CIMultiDict(
        {"Content-Type": "application/json", "Accept": "*/*", "Accept-Encoding": "identity"}
    )
    if not (api_key.isascii() and api_key.isprintable()):
        raise errors.unusable_key()
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    return url.with_path(url.path.rstrip("/") + path, keep_query=True), CIMultiDictProxy(headers)
