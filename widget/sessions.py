"""Visitors: made by the server, bound to the widget and the website, and known by a token.

The token is 256 random bits, stored as a digest. It holds for half an hour after its last use and
for a day at most, then the browser has a new one made; a visitor who is known keeps what they said.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Unauthenticated
from widget import challenge, limits
from widget.identity import BadIdentity, Identity, read
from widget.models import Visitor, VisitorSession, Widget

PREFIX = "wv_"
TOKEN_BYTES = 32
TOKEN_LENGTH = len(PREFIX) + 43
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=24)
# A use is noted at most once in a minute.
NOTED_EVERY = timedelta(minutes=1)
HEADER = "X-Widget-Session"


class SessionEnded(Unauthenticated):
    """The visitor's session is over, or was never one of this widget at this website."""

    code = "session_ended"

    def __init__(self) -> None:
        super().__init__("This chat was left alone for a while; begin a new one.")


@dataclass(frozen=True, slots=True)
class Begun:
    """A new session: its token, once, and for how many seconds it holds unless it is used."""

    token: str
    identity: Identity | None
    seconds: int = int(IDLE.total_seconds())


def begin(request: HttpRequest, widget: Widget, body: dict[str, Any]) -> Begun:
    """Let a visitor in. Raises ChallengeNeeded, BadIdentity, TooManyRequests, Unavailable."""
    address = getattr(request, "client_ip", None)
    limits.count_session(widget, address)
    _require_work(widget, body)
    token = body.get("identity")
    identity = read(widget, token) if token else None
    plaintext, now = PREFIX + secrets.token_urlsafe(TOKEN_BYTES), timezone.now()
    with transaction.atomic():
        visitor = _visitor(widget, identity)
        VisitorSession.objects.create(
            visitor=visitor,
            digest=keyed_digest(plaintext),
            origin=request.widget_origin,  # type: ignore[attr-defined]
            expires_at=now + IDLE,
        )
    return Begun(plaintext, identity)


def find(request: HttpRequest, widget: Widget, body: dict[str, Any]) -> tuple[Visitor, Any]:
    """Return the visitor whose token came with `request`, and who they are, if that is said.

    Raises SessionEnded for what is no token of this widget at this website, BadIdentity where a
    known visitor is not vouched for any more.
    """
    token = request.headers.get(HEADER, "")
    if len(token) != TOKEN_LENGTH or not token.isascii():
        raise SessionEnded
    now = timezone.now()
    row = (
        VisitorSession.objects.select_related("visitor")
        .filter(
            digest=keyed_digest(token),
            visitor__widget=widget,
            origin=request.widget_origin,  # type: ignore[attr-defined]
            expires_at__gt=now,
            created_at__gt=now - LONGEST,
        )
        .first()
    )
    if row is None:
        raise SessionEnded
    identity = _identity(widget, row.visitor, body)
    if row.expires_at - now < IDLE - NOTED_EVERY:
        VisitorSession.objects.filter(pk=row.pk).update(expires_at=now + IDLE)
        Visitor.objects.filter(pk=row.visitor_id).update(seen_at=now)
    return row.visitor, identity


def said_of(visitor: Visitor, identity: Identity | None) -> str:
    """Return what the model is told of a visitor, once the project is held. Raises SessionEnded.

    Whoever forgets a visitor holds the project as well: nothing is kept of one who is forgotten.
    """
    if identity is None:
        return ""
    if not Visitor.objects.filter(pk=visitor.pk).exists():
        raise SessionEnded
    return identity.for_prompt()


def _identity(widget: Widget, visitor: Visitor, body: dict[str, Any]) -> Identity | None:
    """Return who a visitor is: those who are known are vouched for with each request."""
    token = body.get("identity")
    identity = read(widget, token) if token else None
    if visitor.subject != (identity.subject if identity else ""):
        raise BadIdentity
    return identity


def _visitor(widget: Widget, identity: Identity | None) -> Visitor:
    now = timezone.now()
    if identity is None:
        return Visitor.objects.create(widget=widget, seen_at=now)
    visitor, is_new = Visitor.objects.get_or_create(
        widget=widget, subject=identity.subject, defaults={"seen_at": now}
    )
    if not is_new:
        Visitor.objects.filter(pk=visitor.pk).update(seen_at=now)
    return visitor


def _require_work(widget: Widget, body: dict[str, Any]) -> None:
    text, number = body.get("challenge", ""), body.get("work", "")
    if isinstance(text, str) and isinstance(number, str) and text:
        if challenge.is_solved(widget, text, number):
            return
        raise challenge.ChallengeNeeded(widget)
    always = widget.challenge == Widget.Challenge.ALWAYS
    on_load = widget.challenge == Widget.Challenge.LOAD
    if always or (on_load and limits.is_under_load(widget)):
        raise challenge.ChallengeNeeded(widget)
