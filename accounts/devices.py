"""Devices on which somebody has signed in before.

A signed cookie says for which account a device is known. It opens nothing: it only gives the device
a count of its own in the limiter, so that strangers who guess cannot lock the owner out.
"""

from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from restai_site.lib.crypto import keyed_digest

COOKIE = "__Host-device" if settings.BEHIND_TLS else "device"
SALT = "accounts.devices"
LIFETIME_SECONDS = 365 * 24 * 3600
# More people than this do not share a browser; the longest unused are forgotten first.
ACCOUNTS_MAX = 5


def known_to(account: str, request: HttpRequest) -> str | None:
    """Return the id of the device if `account`, in its normal spelling, has signed in on it."""
    device, accounts = _read(request)
    return device if _mark(account) in accounts else None


def remember(account: str, request: HttpRequest) -> None:
    """Let the answer to `request` say that `account` has signed in on this device."""
    request.signed_in_account = account  # type: ignore[attr-defined]


def set_cookie(request: HttpRequest, response: HttpResponseBase) -> None:
    """Send the cookie where somebody has just signed in."""
    account = getattr(request, "signed_in_account", None)
    if account is None:
        return
    device, accounts = _read(request)
    others = [other for other in accounts if other != _mark(account)]
    value = {"device": device, "accounts": [*others, _mark(account)][-ACCOUNTS_MAX:]}
    response.set_cookie(
        COOKIE,
        signing.dumps(value, salt=SALT),
        max_age=LIFETIME_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> tuple[str, list[str]]:
    try:
        value: dict[str, Any] = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LIFETIME_SECONDS
        )
    except signing.BadSignature:
        return uuid4().hex, []
    return str(value["device"]), [str(account) for account in value["accounts"]]


def _mark(account: str) -> str:
    """Return what stands for an account in the cookie, which names nobody."""
    return keyed_digest(f"device:{account}")[:32]
