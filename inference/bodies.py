"""What callers may send to the chat endpoints, checked without the REST framework.

This is the hot path: plain checks on plain data, each with words that say what to change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from catalog.adapters.types import ChatRequest
from inference.images import check_image
from restai_site.lib.errors import Invalid

MESSAGES_MAX = 2000
STOPS_MAX = 16
TOOLS_MAX = 128
CHAT_MESSAGE_MAX_LENGTH = 100_000
HISTORY_MAX = 200
HISTORY_ROLES = ("user", "assistant")
EMBEDDING_INPUTS_MAX = 2048
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
PRIVILEGED_ROLES = frozenset({"system", "developer"})
# Fields of OpenAI's API that change nothing here and are let through unread.
IGNORED_FIELDS = frozenset(
    {"metadata", "prompt_cache_key", "safety_identifier", "service_tier", "store", "user"}
)
# Where a message may hold more than text. Some libraries of providers look for images and files,
# which they then fetch themselves, in other fields too.
NESTED_FIELDS = frozenset({"content", "tool_calls", "function_call", "cache_control"})
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CompletionBody:
    """A checked body of `POST /v1/chat/completions`."""

    model: str
    request: ChatRequest
    stream: bool
    include_usage: bool


@dataclass(frozen=True, slots=True)
class EmbeddingBody:
    """A checked body of `POST /v1/embeddings`."""

    model: str
    inputs: list[str]
    dimensions: int | None
    as_base64: bool


@dataclass(frozen=True, slots=True)
class ChatBody:
    """A checked body of `POST /api/projects/{id}/chat`.

    `history` is what the sender says was said before, as pairs of role and text; None where the
    sender says nothing of it.
    """

    message: str
    conversation_id: UUID | None
    regenerate_message_id: UUID | None
    history: list[tuple[str, str]] | None
    stream: bool


def completion_body(value: Any) -> CompletionBody:
    """Return the checked body, or raise Invalid naming the field."""
    body = object_body(value)
    refuse_unknown(body, COMPLETION_FIELDS)
    if body.get("n", 1) not in (None, 1):
        raise bad_value("n", "must be 1")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise bad_value("model", "must name a model")
    options = {
        name: check(name, body[name])
        for name, check in OPTIONS.items()
        if body.get(name) is not None
    }
    if body.get("max_completion_tokens") is not None:
        options["max_tokens"] = whole(1)("max_completion_tokens", body["max_completion_tokens"])
    stream_options = optional(body, "stream_options", dict) or {}
    return CompletionBody(
        model=body["model"],
        request=ChatRequest(messages=_messages(body.get("messages")), **options),
        stream=bool(optional(body, "stream", bool)),
        include_usage=stream_options.get("include_usage") is True,
    )


def embedding_body(value: Any) -> EmbeddingBody:
    """Return the checked body, or raise Invalid naming the field."""
    body = object_body(value)
    refuse_unknown(body, EMBEDDING_FIELDS)
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise bad_value("model", "must name a model")
    encoding = body.get("encoding_format", "float")
    if encoding not in ("float", "base64", None):
        raise bad_value("encoding_format", "must be float or base64")
    dimensions = body.get("dimensions")
    return EmbeddingBody(
        model=body["model"],
        inputs=_embedding_inputs(body.get("input")),
        dimensions=None if dimensions is None else whole(1)("dimensions", dimensions),
        as_base64=encoding == "base64",
    )


def chat_body(value: Any) -> ChatBody:
    """Return the checked body, or raise Invalid naming the field."""
    body = object_body(value)
    refuse_unknown(body, CHAT_FIELDS)
    message = optional(body, "message", str) or ""
    regenerate = _uuid(body, "regenerate_message_id")
    if len(message) > CHAT_MESSAGE_MAX_LENGTH:
        raise bad_value("message", f"must be at most {CHAT_MESSAGE_MAX_LENGTH} characters")
    if bool(message.strip()) == bool(regenerate):
        raise bad_value("message", "must say something, unless regenerate_message_id is given")
    conversation_id = _uuid(body, "conversation_id")
    if regenerate and conversation_id is None:
        raise bad_value("conversation_id", "is needed to regenerate a message")
    history = None if body.get("history") is None else _history(body["history"])
    stream = optional(body, "stream", bool)
    return ChatBody(message, conversation_id, regenerate, history, stream is True)


def bad_value(name: str, what: str) -> Invalid:
    """Return the error for a field that is not what it must be."""
    return Invalid(f"“{name}” {what}.", code="invalid_value", fields={name: [f"This {what}."]})


def object_body(value: Any) -> Body:
    """Return `value` if it is a JSON object. Raises Invalid."""
    if not isinstance(value, dict):
        raise Invalid("The request body must be a JSON object.", code="invalid_body")
    return value


def refuse_unknown(body: Body, known: frozenset[str]) -> None:
    """Raise Invalid for a field that is not among `known`."""
    for name in body:
        if name not in known:
            shown = name[:50]
            raise Invalid(
                f"“{shown}” is not supported here.",
                code="unknown_field",
                fields={shown: ["Unknown."]},
            )


def optional(body: Body, name: str, kind: type) -> Any:
    """Return a field of the JSON type `kind` (bool, str, dict), or None. Raises Invalid."""
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        words = {bool: "true or false", str: "text", dict: "an object"}[kind]
        raise bad_value(name, f"must be {words}")
    return value


def _uuid(body: Body, name: str) -> UUID | None:
    value = optional(body, name, str)
    if not value:
        return None
    try:
        return UUID(value)
    except ValueError:
        raise bad_value(name, "must be a UUID") from None


def number(least: float, most: float) -> Callable[[str, Any], float]:
    """Return the check of a number in a range."""

    def check(name: str, value: Any) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not least <= value <= most:
            raise bad_value(name, f"must be a number between {least:g} and {most:g}")
        return float(value)

    return check


def whole(least: int, most: int = 10_000_000) -> Callable[[str, Any], int]:
    """Return the check of a whole number in a range."""

    def check(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise bad_value(name, f"must be a whole number between {least} and {most}")
        return value

    return check


def _stop(name: str, value: Any) -> Any:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise bad_value(name, "must be text or a list of texts")
    if len(stops) > STOPS_MAX:
        raise bad_value(name, f"must have at most {STOPS_MAX} entries")
    return value


def _objects(name: str, value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise bad_value(name, "must be a list of objects")
    if len(value) > TOOLS_MAX:
        raise bad_value(name, f"must have at most {TOOLS_MAX} entries")
    return value


def _choice(name: str, value: Any) -> Any:
    if not isinstance(value, str | dict):
        raise bad_value(name, "must be text or an object")
    return value


def _dictionary(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        raise bad_value(name, "must be an object")
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise bad_value(name, "must be true or false")
    return value


def short_text(name: str, value: Any) -> str:
    """Check a text of 100 characters at most."""
    if not isinstance(value, str) or len(value) > 100:
        raise bad_value(name, "must be a short text")
    return value


def _messages(value: Any) -> list[Body]:
    if not isinstance(value, list) or not value:
        raise bad_value("messages", "must be a list with at least one message")
    if len(value) > MESSAGES_MAX:
        raise bad_value("messages", f"must have at most {MESSAGES_MAX} entries")
    for index, message in enumerate(value):
        _check_message(f"messages[{index}]", message)
    return value


def _check_message(name: str, message: Any) -> None:
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(role, str) or role not in ROLES:
        raise bad_value(name, f"must be an object whose role is one of {', '.join(sorted(ROLES))}")
    content = message.get("content")
    if isinstance(content, list):
        for index, part in enumerate(content):
            _check_part(f"{name}.content[{index}]", part)
    elif not isinstance(content, str) and not _may_be_empty(message):
        raise bad_value(f"{name}.content", "must be text or a list of parts")
    if "tool_calls" in message and message["tool_calls"] is not None:
        _objects(f"{name}.tool_calls", message["tool_calls"])
    for text in ("name", "tool_call_id"):
        if not isinstance(message.get(text, ""), str | None):
            raise bad_value(f"{name}.{text}", "must be text")
    for field, value in message.items():
        if value and isinstance(value, list | dict) and field not in NESTED_FIELDS:
            raise bad_value(f"{name}.{field[:50]}", "must be text")


def _history(value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, list):
        raise bad_value("history", "must be a list of turns")
    if len(value) > HISTORY_MAX:
        raise bad_value("history", f"must have at most {HISTORY_MAX} turns; send the newest")
    return [_past_turn(f"history[{index}]", turn) for index, turn in enumerate(value)]


def _past_turn(name: str, turn: Any) -> tuple[str, str]:
    if not isinstance(turn, dict) or set(turn) != {"role", "content"}:
        raise bad_value(name, "must be an object with role and content, and nothing else")
    role, content = turn["role"], turn["content"]
    # Whoever could send other roles could put words above the project's own prompt.
    if not isinstance(role, str) or role not in HISTORY_ROLES:
        raise bad_value(f"{name}.role", f"must be one of {', '.join(HISTORY_ROLES)}")
    if not isinstance(content, str) or not content.strip():
        raise bad_value(f"{name}.content", "must be text that says something")
    if len(content) > CHAT_MESSAGE_MAX_LENGTH:
        raise bad_value(f"{name}.content", f"must be at most {CHAT_MESSAGE_MAX_LENGTH} characters")
    return role, content


def _may_be_empty(message: Body) -> bool:
    calls_tools = bool(message.get("tool_calls"))
    return message["content"] is None and calls_tools if "content" in message else calls_tools


def _check_part(name: str, part: Any) -> None:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        if not isinstance(part.get("text"), str):
            raise bad_value(f"{name}.text", "must be text")
    elif kind == "image_url":
        check_image(f"{name}.image_url", part.get("image_url"))
    else:
        raise bad_value(f"{name}.type", "must be text or image_url")


def _embedding_inputs(value: Any) -> list[str]:
    inputs = [value] if isinstance(value, str) else value
    if not isinstance(inputs, list) or not inputs:
        raise bad_value("input", "must be text or a list of texts")
    if len(inputs) > EMBEDDING_INPUTS_MAX:
        raise bad_value("input", f"must have at most {EMBEDDING_INPUTS_MAX} entries")
    if not all(isinstance(text, str) and text for text in inputs):
        raise bad_value("input", "must be text or a list of texts, none of them empty")
    return inputs


OPTIONS: dict[str, Callable[[str, Any], Any]] = {
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "max_tokens": whole(1),
    "stop": _stop,
    "seed": whole(-(2**63), 2**63 - 1),
    "presence_penalty": number(-2, 2),
    "frequency_penalty": number(-2, 2),
    "tools": _objects,
    "tool_choice": _choice,
    "parallel_tool_calls": _flag,
    "response_format": _dictionary,
    "reasoning_effort": short_text,
}
COMPLETION_FIELDS = IGNORED_FIELDS | {
    *OPTIONS,
    *("model", "messages", "max_completion_tokens", "n", "stream", "stream_options"),
}
EMBEDDING_FIELDS = frozenset({"model", "input", "dimensions", "encoding_format", "user"})
CHAT_FIELDS = frozenset(
    {"message", "conversation_id", "regenerate_message_id", "history", "stream"}
)
