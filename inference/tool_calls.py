"""Calls of tools as they are streamed: in pieces, which guards have to see as wholes."""

from collections.abc import Iterable
from typing import Any

# What a provider sends piece by piece; all else comes once, with the first piece.
GROWING = ("name", "arguments")
Call = dict[str, Any]


def joined(pieces: Iterable[Call]) -> list[Call]:
    """Return each call once, whole, in the order of their beginnings.

    Pieces of one call have the same `index`; one without an index is a call of its own.
    """
    calls: dict[object, Call] = {}
    for number, piece in enumerate(pieces):
        key = piece.get("index", f"piece {number}")
        if key in calls:
            _grow(calls[key], piece)
        else:
            calls[key] = {**piece, "function": {**(piece.get("function") or {})}}
    return list(calls.values())


def _grow(call: Call, piece: Call) -> None:
    function = call["function"]
    for name, value in (piece.get("function") or {}).items():
        before = function.get(name)
        is_growing = name in GROWING and isinstance(before, str) and isinstance(value, str)
        function[name] = before + value if is_growing else (before or value)
    for name, value in piece.items():
        if name != "function" and not call.get(name):
            call[name] = value
