"""The one writer of server-sent events (WHATWG HTML, section 9.2)."""

from typing import Any

import orjson

DONE = b"data: [DONE]\n\n"


def event(data: dict[str, Any] | bytes, name: str | None = None) -> bytes:
    """Return one event. JSON escapes line ends, so `data` is always a single line."""
    body = data if isinstance(data, bytes) else orjson.dumps(data)
    if name is None:
        return b"data: " + body + b"\n\n"
    return b"event: " + name.encode() + b"\ndata: " + body + b"\n\n"
