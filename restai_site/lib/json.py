"""Reading JSON from outside."""

from typing import Any

import orjson

from restai_site.lib.errors import Invalid


def parse_json(raw: bytes) -> Any:
    """Return the value in `raw`.

    Raises Invalid when it is not JSON, holds a lone surrogate, or a NUL character, which
    PostgreSQL cannot store.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid(
            f"The request body is not valid JSON: {error.msg}.", code="bad_json"
        ) from None
    if b"\\u0000" in raw and _holds_nul(value):
        raise Invalid("Text must not contain the NUL character.", code="bad_json")
    return value


def _holds_nul(value: Any) -> bool:
    # A stack of our own: the depth of the input is the sender's choice.
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str) and "\0" in item:
            return True
        if isinstance(item, dict):
            left.extend(item.keys())
            left.extend(item.values())
        elif isinstance(item, list):
            left.extend(item)
    return False
