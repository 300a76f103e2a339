"""Proof of work: what a browser does in a moment, and thousands of programs do not for nothing.

The server gives a signed text; the browser finds a number with which the SHA-256 of both begins
with so many zero bits (as in Hashcash, https://hashcash.org/papers/hashcash.pdf). Each text is
taken once.
"""

import hashlib
import secrets

from django.core import signing
from django.core.cache import cache

from restai_site.lib.errors import DomainError
from widget.models import Widget

BITS = 14
LIFETIME_SECONDS = 120
SALT = "widget.challenge"
NUMBER_MAX_LENGTH = 20


class ChallengeNeeded(DomainError):
    """The browser has to prove some work first; the text is in `challenge` of the answer."""

    status = 403
    code = "challenge"

    def __init__(self, widget: Widget) -> None:
        more = {"challenge": make(widget), "bits": str(BITS)}
        super().__init__("This chat is busy; one moment.", more=more)


def make(widget: Widget) -> str:
    """Return a new text."""
    said = f"{widget.public_id}.{secrets.token_urlsafe(12)}"
    return signing.TimestampSigner(salt=SALT).sign(said)


def is_solved(widget: Widget, text: str, number: str) -> bool:
    """Tell whether the work was done, for this widget, in time, and for the first time."""
    if len(number) > NUMBER_MAX_LENGTH or len(text) > 200:
        return False
    try:
        said = signing.TimestampSigner(salt=SALT).unsign(text, max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return False
    if said.partition(".")[0] != widget.public_id:
        return False
    digest = hashlib.sha256(f"{text}{number}".encode()).digest()
    if int.from_bytes(digest[:4], "big") >> (32 - BITS):
        return False
    name = "widget-challenge:" + hashlib.sha256(text.encode()).hexdigest()
    return bool(cache.add(name, 1, LIFETIME_SECONDS))
