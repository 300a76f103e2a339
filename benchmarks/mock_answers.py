"""What the mock provider says, in the forms of OpenAI and Anthropic, built once."""

from collections.abc import Sequence
from functools import lru_cache

import orjson

CHUNKS = 20
PROMPT_TOKENS = 7
VECTOR_SIZE = 8
MODELS = ("mock", "mock-embedding")
WORDS = "The quick brown fox jumps over the lazy dog while it rains in Lisbon and the sun shines"

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"


def answer(status: int, body: bytes, kind: str = "application/json", more: str = "") -> bytes:
    """Return a whole HTTP answer; `more` holds further header lines, each with its line end."""
    head = (
        f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


def framed(data: bytes) -> bytes:
    """Return `data` as one chunk of the chunked transfer encoding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(data: object, name: str = "") -> bytes:
    """Return a server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(data) + b"\n\n"


def pieces(count: int) -> list[str]:
    """Return the texts of the chunks of an answer."""
    words = WORDS.split()
    return [("" if i == 0 else " ") + words[i % len(words)] for i in range(count)]


def chunk(
    model: str, delta: dict[str, object], reason: str | None = None, **more: object
) -> dict[str, object]:
    """Return a chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {
        "id": "chatcmpl-mock",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": model,
        "choices": [choice],
        **more,
    }


@lru_cache(maxsize=64)
def openai_events(model: str, texts: tuple[str, ...], *, usage: bool = True) -> tuple[bytes, ...]:
    """Return the events of a streamed chat completion, the last one [DONE]."""
    events = [event(chunk(model, {"role": "assistant", "content": texts[0]}))]
    events += [event(chunk(model, {"content": text})) for text in texts[1:]]
    events.append(event(chunk(model, {}, "stop")))
    if usage:
        counts = openai_usage(len(texts))
        events.append(event(chunk(model, {}) | {"choices": [], "usage": counts}))
    events.append(b"data: [DONE]\n\n")
    return tuple(events)


def openai_usage(completion: int) -> dict[str, int]:
    """Return token counts."""
    total = PROMPT_TOKENS + completion
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": completion,
        "total_tokens": total,
    }


@lru_cache(maxsize=64)
def openai_answer(model: str, texts: tuple[str, ...], *, usage: bool = True) -> bytes:
    """Return a whole chat completion."""
    message = {"role": "assistant", "content": "".join(texts)}
    body: dict[str, object] = {
        "id": "chatcmpl-mock",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    if usage:
        body["usage"] = openai_usage(len(texts))
    return answer(200, orjson.dumps(body))


def embeddings(model: str, inputs: Sequence[object], dimensions: int) -> bytes:
    """Return one vector for each of `inputs`, last one first: the order is not promised."""
    data = [
        {
            "object": "embedding",
            "index": i,
            "embedding": [float(i + 1) / (j + 1) for j in range(dimensions)],
        }
        for i in range(len(inputs))
    ]
    usage = {"prompt_tokens": 3 * len(inputs), "total_tokens": 3 * len(inputs)}
    body = {"object": "list", "model": model, "data": data[::-1], "usage": usage}
    return answer(200, orjson.dumps(body))


def model_list() -> bytes:
    """Return the list of models."""
    data = [{"id": name, "object": "model", "owned_by": "mock"} for name in MODELS]
    return answer(200, orjson.dumps({"object": "list", "data": data}))


def refusal(status: int, message: str, code: str = "mock_error", more: str = "") -> bytes:
    """Return an error in OpenAI's shape."""
    error = {"message": message, "type": "mock", "param": None, "code": code}
    return answer(status, orjson.dumps({"error": error}), more=more)


def anthropic_answer(model: str, texts: tuple[str, ...]) -> bytes:
    """Return a whole message in Anthropic's form."""
    body = {
        "id": "msg_mock",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": "".join(texts)}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": len(texts)},
    }
    return answer(200, orjson.dumps(body))


def anthropic_events(model: str, texts: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return the events of a streamed message in Anthropic's form."""
    message: dict[str, object] = {
        "id": "msg_mock",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": 1},
    }
    block = {"type": "text", "text": ""}
    events: list[dict[str, object]] = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": text},
            }
            for text in texts
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": len(texts)},
        },
        {"type": "message_stop"},
    ]
    return tuple(event(item, str(item["type"])) for item in events)
