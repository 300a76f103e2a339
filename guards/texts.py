"""The texts in what a caller sends: found wherever they stand, and put back masked.

Every string that reaches a model is a text to judge: not the last message alone, not `content`
alone. What the platform itself has put first (a project's own prompt) is its editors' word and is
left out by `own`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# Words of the API by their fields. A field of such a name with any other word in it is text.
WORDS = {
    "role": frozenset({"system", "developer", "user", "assistant", "tool", "function"}),
    "type": frozenset({"text", "image_url", "function", "json_schema", "json_object", "object"}),
    "detail": frozenset({"auto", "low", "high"}),
}
NAMES = frozenset(
    {
        *("role", "content", "name", "type", "text", "image_url", "url", "detail", "id"),
        *("tool_calls", "tool_call_id", "function", "function_call", "arguments", "refusal"),
        *("cache_control", "index", "description", "parameters", "properties", "required"),
        *("json_schema", "schema", "strict", "additionalProperties", "items", "enum"),
    }
)
# Ends the place of a name that is itself a text.
NAME = "\0name"
# An image inside a message, which is written anew before a model sees it; its pixels are not read.
IMAGE_BYTES = "data:image/"
IMAGE_PLACE = "image_url", "url"
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """One text, who says it (a role, or the name of a field), and where it stands."""

    role: str
    text: str
    place: Place = ()


def units_of(messages: Sequence[Mapping[str, Any]], own: int = 0) -> list[Unit]:
    """Return the texts of `messages` in order, without those of the first `own`."""
    return [
        Unit(str(message.get("role", "")), text, (index, *place))
        for index, message in enumerate(messages)
        if index >= own
        for place, text in _strings(message)
        if not _is_image(place, text)
    ]


def units_in(name: str, value: Any) -> list[Unit]:
    """Return the texts in a field of the request beside the messages, such as its tools."""
    return [Unit(name, text, place) for place, text in _strings(value)]


def put_back(value: Any, units: Sequence[Unit], texts: Sequence[str]) -> Any:
    """Return a copy of `value` (messages, or a field) with `texts` in the places of `units`."""
    changed = {
        unit.place: text for unit, text in zip(units, texts, strict=True) if unit.text != text
    }
    return _changed(value, (), changed) if changed else value


def _is_image(place: Place, text: str) -> bool:
    is_part = len(place) == 4 and place[0] == "content" and place[2:] == IMAGE_PLACE
    return is_part and text.startswith(IMAGE_BYTES)


def _strings(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        field = place[-1] if place else ""
        is_word = isinstance(field, str) and value in WORDS.get(field, ())
        if value and not is_word:
            yield place, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in NAMES:
                yield (*place, key, NAME), key
            yield from _strings(item, (*place, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _strings(item, (*place, index))


def _changed(value: Any, place: Place, changed: Mapping[Place, str]) -> Any:
    if isinstance(value, Mapping):
        return {
            changed.get((*place, key, NAME), key): _changed(item, (*place, key), changed)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_changed(item, (*place, index), changed) for index, item in enumerate(value)]
    return changed.get(place, value)
