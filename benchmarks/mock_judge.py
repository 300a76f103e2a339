"""Models of the mock provider that say what they are told to, and models that judge.

A judge calls unsafe whatever holds the word `marzipan`; it answers in the form that it is asked
for: with quotes where the rules name them, by a tool call where there are tools.
"""

from typing import Any

import orjson

FORBIDDEN = "marzipan"
SAY = "SAY "


def scripted(switch: str, body: dict[str, Any]) -> tuple[str, ...]:
    """Return the pieces of the answer of a model of these, or nothing for any other model."""
    if switch.startswith("told-"):
        last = str(body["messages"][-1]["content"])
        return told(last, int(switch.removeprefix("told-")))
    if switch.startswith("say:"):
        return (switch.removeprefix("say:"),)
    return (verdict(body),) if switch.startswith("judge-") else ()


def told(last: str, size: int) -> tuple[str, ...]:
    """Return what follows the first SAY in `last`, in pieces of `size` characters; 0: whole."""
    text = last.partition(SAY)[2] or last
    size = size or len(text)
    return tuple(text[start : start + size] for start in range(0, len(text), size))


def verdict(body: dict[str, Any]) -> str:
    """Return the verdict on the request `body`."""
    rules, data = (str(message["content"]) for message in body["messages"][:2])
    is_unsafe = FORBIDDEN in data.casefold()
    found: dict[str, Any] = {
        "verdict": "unsafe" if is_unsafe else "safe",
        "category": "sweets" if is_unsafe else "none",
        "score": 0.9 if is_unsafe else 0.1,
        "reason": "It speaks of sweets." if is_unsafe else "It does not speak of sweets.",
    }
    if '"quotes"' in rules:
        start = data.casefold().find(FORBIDDEN)
        found["quotes"] = [data[start : start + len(FORBIDDEN)]] if is_unsafe else []
    return orjson.dumps(found).decode()


def tool_call(arguments: str) -> dict[str, object]:
    """Return the verdict as a call of the tool that was offered."""
    function = {"name": "verdict", "arguments": arguments}
    return {"id": "call_1", "type": "function", "function": function}


def split_call() -> list[dict[str, object]]:
    """Return the pieces of a streamed tool call whose arguments are cut within FORBIDDEN."""
    pieces = ('{"q": "', FORBIDDEN[:4], FORBIDDEN[4:], '"}')
    first = {**tool_call(""), "index": 0}
    return [first, *({"index": 0, "function": {"arguments": piece}} for piece in pieces)]
