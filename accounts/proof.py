"""Asking for factors: where somebody signs in, and before what a thief of a session would gain by.

Every guess is counted before it is judged. Call these outside a transaction.
"""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpRequest

from accounts import challenges, limiter, policy
from accounts.actors import anonymous, of_user
from accounts.limiter import Kind
from accounts.models import User
from accounts.services.factors import Proof
from accounts.services.passkeys import REFUSED, Verified, verify_passkey
from accounts.services.recovery_codes import use_recovery_code
from accounts.services.second_factor import WRONG_CODE, verify_totp
from accounts.sessions.lifecycle import store_of
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Invalid

# How long after signing in nothing more is asked before a factor is added.
RECENT = timedelta(minutes=15)
WRONG_RECOVERY_CODE = "The recovery code is not right, or was used before."
CONFIRMED_AT = "confirmed_at"
OTP, RECOVERY, PASSKEY = "otp", "recovery", "passkey"
Credential = Mapping[str, Any]


def check_code(request: HttpRequest, user: User, code: str) -> str:
    """Take a code of the user's app, or a recovery code. Returns the word of `amr` for it.

    Raises Invalid, TooManyRequests.
    """
    attempt = limiter.count(Kind.CODE, account=user.email, request=request)
    if verify_totp(user, code):
        word = OTP
    elif use_recovery_code(user, code, actor=_pending(user, request)):
        word = RECOVERY
    else:
        raise Invalid(WRONG_CODE, fields={"code": [WRONG_CODE]})
    attempt.succeeded()
    return word


def check_recovery_code(request: HttpRequest, user: User, code: str) -> str:
    """Take a recovery code alone. Returns the word of `amr` for it.

    Raises Invalid, TooManyRequests.
    """
    attempt = limiter.count(Kind.CODE, account=user.email, request=request)
    if not use_recovery_code(user, code, actor=_pending(user, request)):
        raise Invalid(WRONG_RECOVERY_CODE, fields={"recovery_code": [WRONG_RECOVERY_CODE]})
    attempt.succeeded()
    return RECOVERY


def check_passkey(
    request: HttpRequest, user: User, credential: Credential, *, purpose: str
) -> Verified:
    """Take the answer of one of the user's passkeys. Raises Invalid, TooManyRequests."""
    attempt = limiter.count(Kind.PASSKEY, account=user.email, request=request)
    state = challenges.take(request, purpose)
    actor = _pending(user, request)
    verified = verify_passkey(credential, state=state, user=user, actor=actor)
    attempt.succeeded()
    return verified


def check_passkey_alone(request: HttpRequest, credential: Credential) -> User:
    """Return who signs in by a passkey and nothing else.

    The passkey must have verified its owner: that makes it two factors. Raises Invalid, also where
    passwords would be refused too (suspended, or only providers lead in); TooManyRequests.
    """
    attempt = limiter.count(Kind.PASSKEY, account=None, request=request)
    state = challenges.take(request, challenges.SIGN_IN)
    verified = verify_passkey(credential, state=state, user=None, actor=anonymous(request))
    user = verified.user
    allowed = user.is_active and policy.local_sign_in_open(user)
    if not allowed or not verified.user_was_verified:
        raise Invalid(REFUSED)
    attempt.succeeded()
    return user


def prove(
    request: HttpRequest,
    user: User,
    *,
    password: str = "",
    code: str = "",
    credential: Credential | None = None,
) -> Proof:
    """Return what the signed-in `user` has proven once more with what they have entered.

    Raises Invalid where something that was entered is wrong, TooManyRequests.
    """
    if password:
        _check_password(request, user, password)
    by_factor = bool(code or credential)
    if code:
        check_code(request, user, code)
    elif credential:
        check_passkey(request, user, credential, purpose=challenges.PROOF)
    return Proof(
        user_id=user.pk,
        is_recent=_is_recent(request, user),
        by_password=bool(password),
        by_factor=by_factor,
    )


def confirm(
    request: HttpRequest,
    user: User,
    *,
    password: str = "",
    code: str = "",
    credential: Credential | None = None,
) -> None:
    """Prove once more who somebody is, for the next minutes of this session.

    Raises Invalid where it is wrong or nothing was entered, TooManyRequests.
    """
    given = prove(request, user, password=password, code=code, credential=credential)
    if not (given.by_password or given.by_factor):
        raise Invalid("Enter your password, or a code.")
    request.session[CONFIRMED_AT] = time.time()


def confirmed(request: HttpRequest, user: User) -> Proof:
    """Return what is known of `user` without asking: that they came, or confirmed, moments ago."""
    return Proof(user_id=user.pk, is_recent=_is_recent(request, user))


def _is_recent(request: HttpRequest, user: User) -> bool:
    row = store_of(request).row
    if row is None or row.user_id != user.pk or row.impersonator_id is not None:
        return False
    confirmed_at = float(request.session.get(CONFIRMED_AT, 0))
    began_at = row.created_at.timestamp()
    return max(began_at, confirmed_at) > time.time() - RECENT.total_seconds()


def _check_password(request: HttpRequest, user: User, password: str) -> None:
    attempt = limiter.count(Kind.CONFIRM, account=str(user.pk), request=request)
    if not user.check_password(password):
        message = "The password is not right."
        raise Invalid(message, fields={"password": [message]})
    attempt.succeeded()


def _pending(user: User, request: HttpRequest) -> Actor:
    """Name in the trail who is about to prove a factor, and has no session of their own yet."""
    return of_user(user, request, credential="second_factor")
