"""The one resolver of credentials. Nothing else reads a cookie, a header or a key."""

from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone

from accounts.models import ApiKey, User
from accounts.services import KEY_BYTES, KEY_PREFIX
from restai_site.lib.actor import Actor
from restai_site.lib.compiled import CompiledQuery
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Forbidden, Unauthenticated

LAST_USED_RESOLUTION = timedelta(minutes=1)
# `rk_` and 32 bytes in URL-safe base64 without padding.
KEY_LENGTH = len(KEY_PREFIX) + (KEY_BYTES * 8 + 5) // 6
BAD_KEY = "The API key is not valid, has expired or was revoked."


class _CsrfCheck(CsrfViewMiddleware):
    """Gives the reason instead of the page."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return reason  # type: ignore[return-value]


def resolve(request: HttpRequest) -> Actor | None:
    """Return who sent `request`, or None when it carries no credential.

    A credential that does not hold raises Unauthenticated; there is no falling back from a bad key
    to a cookie. A write by cookie without a CSRF token raises Forbidden. The answer is kept on the
    request.
    """
    if not hasattr(request, "_actor"):
        request._actor = _resolve(request)  # type: ignore[attr-defined]
    return request._actor  # type: ignore[attr-defined,no-any-return]


def require(request: HttpRequest) -> Actor:
    """Return who sent `request`, or raise Unauthenticated."""
    actor = resolve(request)
    if actor is None:
        raise Unauthenticated("Sign in, or send an API key as a bearer token.")
    return actor


def anonymous(request: HttpRequest) -> Actor:
    """Return an actor without rights, to name the sender in the audit trail."""
    return Actor(user_id=None, email="", credential="none", **_origin(request))


def for_user(user: User, request: HttpRequest) -> Actor:
    """Return the actor of a user who has just signed in with `request`."""
    return Actor(
        user_id=user.pk,
        email=user.email,
        is_platform_admin=user.is_platform_admin,
        **_origin(request),
    )


def _resolve(request: HttpRequest) -> Actor | None:
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise Unauthenticated("Send the API key as: Authorization: Bearer <key>.")
        return _from_api_key(request, credential)
    return _from_session(request)


def _from_api_key(request: HttpRequest, plaintext: str) -> Actor:
    if len(plaintext) != KEY_LENGTH or not plaintext.isascii():
        raise Unauthenticated(BAD_KEY, code="invalid_api_key")
    row = _usable_key.first(digest=keyed_digest(plaintext))
    if row is None:
        raise Unauthenticated(BAD_KEY, code="invalid_api_key")
    key_id, last_used_at, user_id, email, is_platform_admin = row
    _touch(key_id, last_used_at)
    return Actor(
        user_id=user_id,
        email=email,
        is_platform_admin=is_platform_admin,
        credential=f"key:{key_id}",
        api_key_id=key_id,
        **_origin(request),
    )


def _keys(digest: str) -> QuerySet[Any, Any]:
    return (
        ApiKey.objects.usable()
        .filter(digest=digest)
        .order_by()
        .values_list("pk", "last_used_at", "user_id", "user__email", "user__is_platform_admin")
    )


_usable_key = CompiledQuery(_keys, digest=str)


def _touch(key_id: int, last_used_at: object) -> None:
    """Note the use of a key, at most once a minute however many requests there are."""
    now = timezone.now()
    edge = now - LAST_USED_RESOLUTION
    if last_used_at is None or last_used_at < edge:  # type: ignore[operator]
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=edge)
        ApiKey.objects.filter(stale, pk=key_id).update(last_used_at=now)


def _from_session(request: HttpRequest) -> Actor | None:
    user = request.user
    if not isinstance(user, User) or not user.is_active:
        return None
    _require_csrf(request)
    return for_user(user, request)


def _require_csrf(request: HttpRequest) -> None:
    check = _CsrfCheck(lambda _: HttpResponse())
    check.process_request(request)
    if check.process_view(request, None, (), {}):  # type: ignore[arg-type]
        raise Forbidden("The CSRF token is missing or wrong; reload the page.", code="csrf")


def _origin(request: HttpRequest) -> dict[str, Any]:
    return {
        "ip": getattr(request, "client_ip", None),
        "user_agent": request.headers.get("User-Agent", "")[:200],
        "request_id": getattr(request, "request_id", ""),
    }
