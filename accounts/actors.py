"""From what is known of a request to the Actor that services and querysets take."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from accounts.models import Session, User
from restai_site.lib.actor import Actor


def anonymous(request: HttpRequest) -> Actor:
    """Return an actor without rights, to name the sender in the audit trail."""
    return Actor(user_id=None, email="", credential="none", **origin(request))


def of_session(row: Session, request: HttpRequest) -> Actor:
    """Return the actor of a signed-in session; during an impersonation it names both."""
    user = row.user
    assert user is not None  # noqa: S101 - a session without a user has no actor
    impersonator = row.impersonator
    return Actor(
        user_id=user.pk,
        email=user.email,
        # Never more than the administrator may do, who cannot take another's role anyway.
        is_platform_admin=user.is_platform_admin and impersonator is None,
        is_restricted=user.is_restricted,
        session_id=row.pk,
        requests_per_minute=user.requests_per_minute,
        impersonator_id=impersonator.pk if impersonator else None,
        impersonator_email=impersonator.email if impersonator else "",
        **origin(request),
    )


def of_user(user: User, request: HttpRequest, *, credential: str) -> Actor:
    """Return the actor of a user who came without a session."""
    return Actor(
        user_id=user.pk,
        email=user.email,
        is_platform_admin=user.is_platform_admin,
        is_restricted=user.is_restricted,
        credential=credential,
        requests_per_minute=user.requests_per_minute,
        **origin(request),
    )


def user_behind(actor: Actor) -> User:
    """Return the user who acts. Raises Http404 where there is none (any more)."""
    user: User = get_object_or_404(User.objects.visible_to(actor), pk=actor.own_id)
    return user


def origin(request: HttpRequest) -> dict[str, Any]:
    """Return where `request` came from, as the Actor names it."""
    return {
        "ip": getattr(request, "client_ip", None),
        "user_agent": request.headers.get("User-Agent", "")[:200],
        "request_id": getattr(request, "request_id", ""),
    }
