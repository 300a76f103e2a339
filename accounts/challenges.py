"""The challenges that passkeys answer, kept in the session of the browser they were given to."""

import time
from typing import Any

from django.http import HttpRequest

from accounts.services.passkeys import CHALLENGE_SECONDS

KEY = "passkey_challenge"
SIGN_IN, SECOND_FACTOR, PROOF, REGISTER = "sign_in", "second_factor", "proof", "register"


def keep(request: HttpRequest, purpose: str, state: dict[str, Any]) -> None:
    """Remember the challenge just given; it replaces the one before it, whatever that was for."""
    until = time.time() + CHALLENGE_SECONDS
    request.session[KEY] = {"purpose": purpose, "until": until, "state": state}


def take(request: HttpRequest, purpose: str) -> dict[str, Any] | None:
    """Return the challenge, once and in time, or None. A wrong answer uses it up as well."""
    kept = request.session.pop(KEY, None)
    if kept is None:
        return None
    request.session.save()
    if kept["purpose"] != purpose or kept["until"] < time.time():
        return None
    state: dict[str, Any] = kept["state"]
    return state
