"""What pages of other websites ask of a widget. All of it passes one door: `widget_call`."""

from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from functools import partial, wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.credentials import require
from accounts.watch import Place
from inference import pipeline
from inference.answers import event_stream, json_body, model_call
from inference.bodies import ChatBody, bad_value, chat_body, object_body, optional, refuse_unknown
from inference.calls import Call
from inference.finish import Receipt
from inference.history import thread_of
from inference.logs.writing import without_personal_data
from inference.models import Conversation, Message
from inference.prepare import prepare_visit
from inference.turn_events import Told, turn_events
from restai_site.lib.actor import WIDGET, Actor
from restai_site.lib.db import in_database
from restai_site.lib.errors import Conflict, Forbidden, NotFound, Unavailable
from restai_site.lib.http import json_response
from widget import limits, sessions
from widget.looks import looks_of
from widget.models import Feedback, Visitor, Widget
from widget.watched import KIND

REFUSED = "This website may not use this chat."
PAUSED = "This chat is taking a break; come back a little later."
FULL = "This conversation has become long; begin a new one."
PAGE_MAX_LENGTH = 200
SHOWN_MAX = 200
SHOWN = ("id", "role", "content", "status")
REASON_MAX_LENGTH = 300
CONVERSATIONS_MAX = 20
# What goes with a message beside what every chat takes.
EXTRAS = ("identity", "page")
Work = Callable[[HttpRequest, Widget, Actor, dict[str, Any]], Any]
View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


class OriginRefused(Forbidden):
    """The page is not of a website that may use this widget, or there is no such widget."""

    code = "origin_refused"

    def __init__(self) -> None:
        super().__init__(REFUSED)


class Paused(Unavailable):
    """Somebody has paused the widget."""

    code = "widget_paused"

    def __init__(self) -> None:
        super().__init__(PAUSED)


def enter(request: HttpRequest) -> tuple[Widget, Actor]:
    """Return the widget and its key's actor: the one door of all these addresses.

    Raises OriginRefused, Unauthenticated, Forbidden (a credential that is not this widget's key),
    Paused.
    """
    widget: Widget | None = getattr(request, "widget", None)
    if widget is None:
        raise OriginRefused
    actor = require(request)
    if actor.scope != WIDGET or actor.api_key_id != widget.key_id:
        raise Forbidden("This is not the key of this widget.", code="key_scope")
    if widget.is_paused:
        raise Paused
    return widget, actor


def widget_call(work: Work) -> View:
    """Make a view of a POST of JSON that `work` answers in a thread of the database."""

    @model_call
    @wraps(work)
    async def view(request: HttpRequest, public_id: str) -> HttpResponseBase:
        body = object_body(json_body(request))
        return json_response(await in_database(_entered, work, request, body))

    return view


def _entered(work: Work, request: HttpRequest, body: dict[str, Any]) -> Any:
    widget, actor = enter(request)
    limits.count_look(widget, actor.ip)
    return work(request, widget, actor, body)


@widget_call
def config(request: HttpRequest, widget: Widget, actor: Actor, body: dict[str, Any]) -> Any:
    """Tell how the widget looks."""
    return looks_of(widget)


@widget_call
def session(request: HttpRequest, widget: Widget, actor: Actor, body: dict[str, Any]) -> Any:
    """Let a visitor in."""
    refuse_unknown(body, frozenset({"identity", "challenge", "work"}))
    for name in ("identity", "challenge", "work"):
        optional(body, name, str)
    begun = sessions.begin(request, widget, body)
    return {
        "token": begun.token,
        "expires_in": begun.seconds,
        "name": begun.identity.name if begun.identity else "",
        "is_known": begun.identity is not None,
    }


@widget_call
def conversations(request: HttpRequest, widget: Widget, actor: Actor, body: dict[str, Any]) -> Any:
    """List what a known visitor has said before, newest first; others have one conversation."""
    visitor, _ = sessions.find(request, widget, body)
    rows = Conversation.objects.visible_to(_speaking(actor, visitor))
    found = rows.order_by("-updated_at")[:CONVERSATIONS_MAX]
    return {
        "conversations": [
            {"id": one.pk, "title": one.title, "updated_at": one.updated_at} for one in found
        ]
    }


@widget_call
def conversation(request: HttpRequest, widget: Widget, actor: Actor, body: dict[str, Any]) -> Any:
    """Return what was said last in a conversation of the visitor's own."""
    visitor, _ = sessions.find(request, widget, body)
    rows = Conversation.objects.visible_to(_speaking(actor, visitor))
    found = rows.filter(pk=_uuid(body, "conversation_id")).first()
    if found is None:
        raise NotFound("There is no such conversation.")
    said = thread_of(found.messages.exclude(status=Message.Status.HELD))[-SHOWN_MAX:]
    shown = [{name: getattr(one, name) for name in SHOWN} for one in said]
    return {"id": found.pk, "title": found.title, "messages": shown}


@widget_call
def feedback(request: HttpRequest, widget: Widget, actor: Actor, body: dict[str, Any]) -> Any:
    """Keep what the visitor thinks of an answer of theirs; the last word counts."""
    refuse_unknown(body, frozenset({"identity", "message_id", "is_helpful", "reason"}))
    visitor, _ = sessions.find(request, widget, body)
    is_helpful, reason = optional(body, "is_helpful", bool), optional(body, "reason", str) or ""
    if is_helpful is None:
        raise bad_value("is_helpful", "must be true or false")
    message_id = _uuid(body, "message_id")
    own = Conversation.objects.visible_to(_speaking(actor, visitor))
    answers = Message.objects.filter(pk=message_id, conversation__in=own, role="assistant")
    if not answers.exists():
        raise NotFound("There is no such answer.")
    Feedback.objects.update_or_create(
        visitor=visitor,
        message_id=message_id,
        defaults={"widget": widget, "is_helpful": is_helpful, "reason": _kept(reason, widget)},
    )
    return {"is_helpful": is_helpful}


@model_call
async def chat(request: HttpRequest, public_id: str) -> HttpResponseBase:
    """Answer a message with events, as the chat of people does: see `inference.api.chat`.

    What people learn of cost is not told.
    """
    body = object_body(json_body(request))
    call = await in_database(prepare, request, body)
    stream = pipeline.Stream(call)
    await stream.admitted()
    return event_stream(_events(call, stream))


def prepare(request: HttpRequest, body: dict[str, Any]) -> Call:
    """Check everything about a message and hold what it may cost. Raises as `enter` does, and more.

    SessionEnded, BadIdentity, Invalid, TooManyRequests, Conflict (the conversation is full), and
    what `prepare_visit` raises.
    """
    widget, actor = enter(request)
    extras = {name: optional(body, name, str) or "" for name in EXTRAS}
    asked = chat_body({name: value for name, value in body.items() if name not in EXTRAS})
    visitor, identity = sessions.find(request, widget, extras)
    if len(asked.message) > widget.message_length:
        raise bad_value("message", f"must be at most {widget.message_length} characters")
    limits.count_message(widget, visitor.pk, actor.ip)
    speaker = _speaking(actor, visitor)
    _require_room(widget, asked, speaker)
    context = partial(sessions.said_of, visitor, identity)
    call = prepare_visit(request, widget.project_id, asked, speaker, context=context)
    call.page, call.watched, call.streamed = _path(extras["page"]), Place(KIND, widget.pk), True
    return call


def _events(call: Call, stream: pipeline.Stream) -> AsyncIterator[bytes]:
    turn = call.turn
    start: Told = {
        "conversation_id": turn.conversation_id if turn else None,
        "message_id": turn.message_id if turn else None,
    }
    return turn_events(call, stream, start=start, blocked=_blocked, done=_done)


def _blocked(told: Told) -> Told:
    return {"message": str(told.get("message", ""))}


def _done(receipt: Receipt) -> Told:
    return {"message_id": receipt.message_id, "outcome": receipt.outcome}


def _speaking(actor: Actor, visitor: Visitor) -> Actor:
    return replace(actor, visitor_id=visitor.pk)


def _require_room(widget: Widget, asked: ChatBody, speaker: Actor) -> None:
    """Raise Conflict where a conversation has as many turns as it may have."""
    if asked.conversation_id is not None:
        own = Conversation.objects.visible_to(speaker).filter(pk=asked.conversation_id)
        turns = Message.objects.filter(conversation__in=own, role="user").count()
    else:
        turns = sum(role == "user" for role, _ in asked.history or [])
    is_new = asked.regenerate_message_id is None
    if turns + is_new > widget.turns:
        raise Conflict(FULL, code="conversation_full")


def _path(page: str) -> str:
    """Return the path of a page, without what may name a person: what comes after ? and #."""
    path = page.partition("?")[0].partition("#")[0]
    fits = path.startswith("/") and not path.startswith("//") and path.isprintable()
    return path[:PAGE_MAX_LENGTH] if fits else ""


def _kept(reason: str, widget: Widget) -> str:
    """Return a reason as it is kept: where the project masks personal data, without that."""
    text = reason.strip()[:REASON_MAX_LENGTH]
    if not widget.project.masks_logs:
        return text
    return without_personal_data(text)[:REASON_MAX_LENGTH]


def _uuid(body: dict[str, Any], name: str) -> UUID:
    try:
        return UUID(optional(body, name, str) or "")
    except ValueError:
        raise bad_value(name, "must be a UUID") from None
