"""Acting as somebody else: for platform administrators, with a reason, not for long."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone

from accounts.models import Session, User
from accounts.sessions import lifecycle
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden, Invalid, NotFound, Unauthenticated

LIFETIME = timedelta(minutes=30)
REASON_LEAST = 5
REASON_MOST = 200


@transaction.atomic
def begin(request: HttpRequest, user: User, *, reason: str, actor: Actor) -> Session:
    """Act as `user` for 30 minutes at most; both are named in all that is recorded meanwhile.

    Raises Forbidden (no administrator in their own session; the user is an administrator,
    suspended, or oneself), Invalid (no reason).
    """
    if not (actor.is_platform_admin and actor.is_own_session):
        raise Forbidden("Only platform administrators, signed in as themselves, may do this.")
    own = lifecycle.store_of(request).row
    if own is None:
        raise Unauthenticated("Sign in again.")
    reason = _checked(reason)
    target = _locked(user, actor)
    now = timezone.now()
    row = lifecycle.new_row(
        request,
        user=target,
        amr=own.amr,
        expires_at=own.expires_at,
        impersonator=own.user,
        impersonation_reason=reason,
        impersonation_ends_at=min(now + LIFETIME, own.expires_at),
        parent=own,
    )
    record(actor, "impersonation.begin", target, changes={"reason": reason})
    lifecycle.store_of(request).switch(row)
    rotate_token(request)
    return row


@transaction.atomic
def end(request: HttpRequest, actor: Actor) -> None:
    """Return to the administrator's own session. Raises Forbidden where nobody is impersonated."""
    if actor.session_id is None or actor.impersonator_id is None:
        raise Forbidden("You are not acting as anybody else.")
    store = lifecycle.store_of(request)
    row = store.row
    if row is None or row.user is None:
        raise Unauthenticated("Sign in again.")
    record(actor, "impersonation.end", row.user)
    parent = row.parent
    row.delete()
    if parent is None:
        store.flush()
    else:
        store.switch(parent)
    rotate_token(request)


def end_expired() -> int:
    """Close the impersonations whose time is over, and return their number."""
    over = Session.objects.filter(impersonation_ends_at__lte=timezone.now())
    return sum(_close(row.pk) for row in over)


@transaction.atomic
def _close(pk: UUID) -> int:
    found = Session.objects.select_for_update(of=("self",)).select_related("user", "impersonator")
    row = found.filter(pk=pk).first()
    if row is None or row.user is None:
        return 0
    record(
        Actor.system("impersonation"),
        "impersonation.expire",
        row.user,
        changes={"impersonator": row.impersonator},
    )
    row.delete()
    return 1


def _checked(reason: str) -> str:
    reason = " ".join(reason.split())
    if not REASON_LEAST <= len(reason) <= REASON_MOST:
        message = f"Say why, in {REASON_LEAST} to {REASON_MOST} characters."
        raise Invalid(message, fields={"reason": [message]})
    return reason


def _locked(user: User, actor: Actor) -> User:
    target: User | None = User.objects.select_for_update().filter(pk=user.pk).first()
    if target is None:
        raise NotFound("There is no such user.")
    if target.pk == actor.user_id:
        raise Forbidden("You are already yourself.")
    if target.is_platform_admin:
        raise Forbidden("Nobody acts as another platform administrator.")
    if not target.is_active:
        raise Forbidden("This user is suspended: nobody acts as them.")
    return target
