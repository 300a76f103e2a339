"""What a guard says of a text, and the strict reading of what a model says.

A verdict is a JSON object of exactly the fields of `schema`, and nothing around it. Whatever else
a model answers (prose, a fence, a field more, a number as text) is no verdict, and no verdict is
never a pass.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import orjson

from guards.spans import Span

SAFE, UNSAFE = "safe", "unsafe"
CATEGORY = re.compile(r"[a-z0-9][a-z0-9 _/-]{0,63}", re.IGNORECASE)
REASON_MAX_LENGTH = 500
QUOTES_MAX = 50
NAME = "verdict"


class Unjudged(Exception):
    """A guard gave no judgement; `why` is a word for the log of findings.

    `detail`, which only the server's log gets, holds nothing of what was said.
    """

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}" if detail else why)
        self.why = why


class Unreadable(ValueError):
    """What a model answered is no verdict."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a text is unsafe, of which category, and how surely (0 to 1)."""

    is_unsafe: bool
    category: str = ""
    score: float | None = None
    reason: str = ""
    # The offending passages word for word, where they were asked for.
    quotes: tuple[str, ...] = ()
    # What a detector found: the index of the text, and where in it.
    spans: tuple[tuple[int, Span], ...] = ()
    is_cached: bool = False


def schema(*, with_quotes: bool) -> dict[str, Any]:
    """Return the JSON schema of a verdict, for models that answer by one."""
    fields: dict[str, Any] = {
        "verdict": {"type": "string", "enum": [SAFE, UNSAFE]},
        "category": {"type": "string", "description": "One or two words; “none” if safe."},
        "score": {"type": "number", "description": "From 0 (surely safe) to 1 (surely unsafe)."},
        "reason": {"type": "string", "description": "One sentence."},
    }
    if with_quotes:
        fields["quotes"] = {
            "type": "array",
            "items": {"type": "string"},
            "description": "Every passage to be masked, word for word; empty if safe.",
        }
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def read(answer: str, *, with_quotes: bool) -> Verdict:
    """Return the verdict in `answer`. Raises Unreadable for whatever is not exactly one."""
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError:
        raise Unreadable("no JSON") from None
    names = {"verdict", "category", "score", "reason"} | ({"quotes"} if with_quotes else set())
    if not isinstance(value, dict) or set(value) != names:
        raise Unreadable("other fields than asked for")
    if value["verdict"] not in (SAFE, UNSAFE):
        raise Unreadable("neither safe nor unsafe")
    verdict = Verdict(
        is_unsafe=value["verdict"] == UNSAFE,
        category=_category(value["category"]),
        score=_score(value["score"]),
        reason=_text(value["reason"])[:REASON_MAX_LENGTH],
        quotes=_quotes(value["quotes"]) if with_quotes else (),
    )
    # Last, because what is nested deep has been refused by now.
    json.loads(answer, object_pairs_hook=_each_once)
    return verdict


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    """Refuse two fields of one name: a parser keeps the last of them, a reader sees the first."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise Unreadable("a field twice")


def _category(value: Any) -> str:
    text = _text(value).strip()
    if text and not CATEGORY.fullmatch(text):
        raise Unreadable("a category that is no word")
    return text.lower().replace(" ", "_")


def _score(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= 1:
        raise Unreadable("a score that is no share")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unreadable("no text where text belongs")
    return value


def _quotes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > QUOTES_MAX:
        raise Unreadable("no list of quotes")
    return tuple(quote for item in value if (quote := _text(item)))
