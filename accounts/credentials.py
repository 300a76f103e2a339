"""The one resolver of credentials. Nothing else reads a cookie, a header or a key."""

import binascii
from base64 import b64decode
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone

from accounts import limiter, networks, policy, route_rules, sign_in
from accounts.actors import anonymous, of_session, of_user, origin
from accounts.models import ApiKey
from accounts.services.keys import KEY_BYTES, KEY_PREFIX
from accounts.sessions.lifecycle import MFA, store_of
from restai_site.lib.actor import WIDGET, Actor
from restai_site.lib.compiled import CompiledQuery
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Forbidden, Unauthenticated

__all__ = ["SecondFactorRequired", "anonymous", "require", "require_csrf", "resolve", "sender"]

LAST_USED_RESOLUTION = timedelta(minutes=1)
# `rk_` and 32 bytes in URL-safe base64 without padding.
KEY_LENGTH = len(KEY_PREFIX) + (KEY_BYTES * 8 + 5) // 6
BAD_KEY = "The API key is not valid, has expired or was revoked."
BASIC_MAX_LENGTH = 1024
PROGRAM_HEADERS = frozenset({"HTTP_AUTHORIZATION", "HTTP_X_API_KEY"})
HOW = "Send the API key as: Authorization: Bearer <key>."


class SecondFactorRequired(Forbidden):
    """The platform requires a second factor of this user, who has yet to set one up."""

    code = "second_factor_required"

    def __init__(self) -> None:
        super().__init__("Sign in and set up a second factor first: this platform requires one.")


class _CsrfCheck(CsrfViewMiddleware):
    """Gives the reason instead of the page."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return reason  # type: ignore[return-value]


def resolve(request: HttpRequest) -> Actor | None:
    """Return who sent `request`, or None when it carries no credential.

    A credential that does not hold raises Unauthenticated; there is no falling back from a bad one
    to another. One that does not reach this route raises Forbidden, as does a write by cookie
    without a CSRF token. The answer is kept on the request.
    """
    if not hasattr(request, "_actor"):
        actor = _resolve(request)
        if actor is not None:
            route_rules.check(actor, request)
        request._actor = actor  # type: ignore[attr-defined]
    return request._actor  # type: ignore[attr-defined,no-any-return]


def require(request: HttpRequest) -> Actor:
    """Return who sent `request`, or raise Unauthenticated."""
    actor = resolve(request)
    if actor is None:
        raise Unauthenticated("Sign in, or send an API key as a bearer token.")
    return actor


def sender(request: HttpRequest) -> Actor:
    """Return who sent `request` as far as that is known, to name them in the audit trail.

    Also somebody who was refused, or whose credential nobody has asked for. It opens nothing: no
    password is checked for it, and a key that does not hold is nobody's.
    """
    known = getattr(request, "_actor", None) or getattr(request, "_sender", None)
    return known or _seen_in(request) or anonymous(request)


def is_impersonated(request: HttpRequest) -> bool:
    """Tell whether an administrator is known to act as somebody else in `request`."""
    known: Actor | None = getattr(request, "_actor", None)
    return known is not None and known.impersonator_id is not None


def _seen_in(request: HttpRequest) -> Actor | None:
    if not PROGRAM_HEADERS.isdisjoint(request.META):
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        plaintext = request.headers.get("X-API-Key") or bearer
        key = _key_of(plaintext) if scheme.lower() in {"", "bearer"} else None
        return _of_key(key, request) if key and _is_allowed_from(request, key) else None
    store = getattr(request, "session", None)
    row = store.row if store is not None and store.user is not None else None
    return of_session(row, request) if row is not None else None


def _is_known(request: HttpRequest, actor: Actor) -> Actor:
    """Keep who has proven who they are, whatever they are refused after that."""
    request._sender = actor  # type: ignore[attr-defined]
    return actor


def _resolve(request: HttpRequest) -> Actor | None:
    authorization = request.headers.get("Authorization", "")
    key = request.headers.get("X-API-Key")
    if key is not None:
        if authorization:
            raise Unauthenticated("Send one credential, not two.")
        return _from_api_key(request, key)
    if not authorization:
        return _from_session(request)
    scheme, _, credential = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return _from_api_key(request, credential)
    if scheme.lower() == "basic":
        return _from_password(request, credential)
    raise Unauthenticated(HOW)


# --- API keys ------------------------------------------------------------------------------------


class _Key(NamedTuple):
    """A usable key as the query brings it."""

    pk: int
    last_used_at: datetime | None
    scope: str
    project_ids: list[int] | None
    team_id: int | None
    allowed_networks: list[str]
    requests_per_minute: int | None
    user_id: int
    email: str
    is_platform_admin: bool
    is_restricted: bool
    second_factor_since: datetime | None
    user_requests_per_minute: int | None

    @property
    def is_narrowed(self) -> bool:
        return self.project_ids is not None or self.team_id is not None


def _keys(digest: str) -> QuerySet[Any, Any]:
    replaced = Q(previous_digest=digest, previous_until__gt=Now())
    return (
        ApiKey.objects.usable()
        .filter(Q(digest=digest) | replaced)
        .order_by()
        .values_list(
            "pk",
            "last_used_at",
            "scope",
            "project_ids",
            "team_id",
            "allowed_networks",
            "requests_per_minute",
            "user_id",
            "user__email",
            "user__is_platform_admin",
            "user__is_restricted",
            "user__second_factor_since",
            "user__requests_per_minute",
        )
    )


_usable_key = CompiledQuery(_keys, digest=str)


def _from_api_key(request: HttpRequest, plaintext: str) -> Actor:
    key = _key_of(plaintext)
    if key is None or not _is_allowed_from(request, key):
        # What is guessed is counted; a key that holds costs nothing here.
        limiter.count(limiter.Kind.KEY, account=None, request=request)
        raise Unauthenticated(BAD_KEY, code="invalid_api_key")
    actor = _is_known(request, _of_key(key, request))
    _require_second_factor(
        request, is_platform_admin=key.is_platform_admin, has_one=bool(key.second_factor_since)
    )
    _touch(key.pk, key.last_used_at)
    return actor


def _of_key(key: _Key, request: HttpRequest) -> Actor:
    if key.scope == WIDGET:
        return _of_widget(key, request)
    return Actor(
        user_id=key.user_id,
        email=key.email,
        is_platform_admin=key.is_platform_admin and not key.is_narrowed,
        reaches_all=key.is_platform_admin and key.is_narrowed,
        is_restricted=key.is_restricted,
        credential=f"key:{key.pk}",
        api_key_id=key.pk,
        scope=key.scope,
        project_ids=None if key.project_ids is None else frozenset(key.project_ids),
        team_id=key.team_id,
        requests_per_minute=key.user_requests_per_minute,
        key_requests_per_minute=key.requests_per_minute,
        **origin(request),
    )


def _of_widget(key: _Key, request: HttpRequest) -> Actor:
    """Return the actor of a widget's key: nobody, who reaches its one project.

    Its owner answers for it, but nothing is done in their name.
    """
    return Actor(
        user_id=None,
        email="",
        reaches_all=True,
        credential=f"widget:{key.pk}",
        api_key_id=key.pk,
        scope=key.scope,
        project_ids=frozenset(key.project_ids or ()),
        key_requests_per_minute=key.requests_per_minute,
        **origin(request),
    )


def _key_of(plaintext: str) -> _Key | None:
    if len(plaintext) != KEY_LENGTH or not plaintext.isascii():
        return None
    row = _usable_key.first(digest=keyed_digest(plaintext))
    return _Key(*row) if row else None


def _is_allowed_from(request: HttpRequest, key: _Key) -> bool:
    listed = key.allowed_networks
    return not listed or networks.hold(listed, getattr(request, "client_ip", None))


def _touch(key_id: int, last_used_at: datetime | None) -> None:
    """Note the use of a key, at most once a minute however many requests there are."""
    now = timezone.now()
    edge = now - LAST_USED_RESOLUTION
    if last_used_at is None or last_used_at < edge:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=edge)
        ApiKey.objects.filter(stale, pk=key_id).update(last_used_at=now)


# --- Basic authentication (RFC 7617) -------------------------------------------------------------


def _from_password(request: HttpRequest, credential: str) -> Actor:
    email, password = _basic(credential)
    checked = sign_in.check_password(email, password, request)
    user = checked.user
    actor = _is_known(request, of_user(user, request, credential="basic"))
    if user.second_factor_since is not None:
        raise Unauthenticated(
            "This account has a second factor, which Basic authentication cannot give: use an API "
            "key.",
            code="second_factor_needed",
        )
    _require_second_factor(request, is_platform_admin=user.is_platform_admin, has_one=False)
    return actor


def _basic(credential: str) -> tuple[str, str]:
    """Return the e-mail address and the password. Raises Unauthenticated."""
    try:
        credential = credential if len(credential) <= BASIC_MAX_LENGTH else "too long"
        email, colon, password = b64decode(credential, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Unauthenticated(HOW) from None
    if not colon or "\x00" in email + password:
        raise Unauthenticated(HOW)
    return email, password


# --- Sessions ------------------------------------------------------------------------------------


def _from_session(request: HttpRequest) -> Actor | None:
    store = store_of(request)
    user, row = store.user, store.row
    if user is None or row is None:
        return None
    actor = _is_known(request, of_session(row, request))
    require_csrf(request)
    has_one = user.second_factor_since is not None or MFA in row.amr
    _require_second_factor(request, is_platform_admin=user.is_platform_admin, has_one=has_one)
    return actor


def require_csrf(request: HttpRequest) -> None:
    """Raise Forbidden unless `request` proves that a page of ours has sent it."""
    check = _CsrfCheck(lambda _: HttpResponse())
    check.process_request(request)
    if check.process_view(request, None, (), {}):  # type: ignore[arg-type]
        raise Forbidden("The CSRF token is missing or wrong; reload the page.", code="csrf")


def _require_second_factor(request: HttpRequest, *, is_platform_admin: bool, has_one: bool) -> None:
    """Let somebody who lacks a required factor to the pages that set one up, and nowhere else."""
    if has_one or not policy.second_factor_required_of(is_platform_admin=is_platform_admin):
        return
    if route_rules.name_of(request) not in route_rules.ENROLMENT:
        raise SecondFactorRequired
