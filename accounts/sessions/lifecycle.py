"""The beginning and the end of a session."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.middleware.csrf import rotate_token
from django.utils import timezone

from accounts.actors import anonymous, of_session
from accounts.models import Session, User
from accounts.sections import AuthenticationSection
from accounts.sessions.store import SessionStore
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current
from restai_site.lib.errors import Forbidden, Unauthenticated

# What a browser may take between the first factor and the second.
PENDING_LIFETIME = timedelta(minutes=15)
MFA = "mfa"


def store_of(request: HttpRequest) -> SessionStore:
    """Return the session of `request`."""
    store: SessionStore = request.session  # type: ignore[assignment]
    return store


@transaction.atomic
def start(request: HttpRequest, user: User, *, amr: Iterable[str]) -> None:
    """Start a session for a user who has proven who they are; its id is new.

    Raises Unauthenticated for a user who has been suspended, or whose password was changed, in the
    meantime: their row is locked, so that such a change ends this session or comes before it.
    """
    user = _locked(user)
    now = timezone.now()
    user.last_login = now
    # Whoever comes in by an identity provider has accepted by that.
    user.invited_at = None
    user.save(update_fields=["last_login", "invited_at"])
    lifetime = timedelta(hours=current(AuthenticationSection).session_absolute_hours)
    row = new_row(request, user=user, amr=list(amr), expires_at=now + lifetime)
    store_of(request).begin(row)
    rotate_token(request)
    actor = _become(request, row)
    record(actor, "user.sign_in", user, changes={"amr": list(row.amr)})


@transaction.atomic
def wait_for_second_factor(
    request: HttpRequest, user: User, *, amr: Iterable[str], target: str
) -> None:
    """Remember who has passed the first factor, and where they want to go."""
    row = new_row(
        request,
        pending_user=_locked(user),
        amr=list(amr),
        expires_at=timezone.now() + PENDING_LIFETIME,
    )
    store_of(request).begin(row)
    request.session["target"] = target
    rotate_token(request)


@transaction.atomic
def renew(request: HttpRequest, *, amr: Iterable[str] = ()) -> None:
    """Give the session of a signed-in user a new id, and add to how they have proven themselves.

    For what ends all other sessions: a copied cookie of this one ends too.
    """
    store = store_of(request)
    row = store.row
    if row is None or row.user is None:
        raise Unauthenticated("Sign in again.")
    words = list(dict.fromkeys([*row.amr, *amr]))
    kept = {"expires_at": row.expires_at, "chosen_team_id": row.chosen_team_id}
    fresh = new_row(request, user=row.user, amr=words, **kept)
    store.begin(fresh)
    rotate_token(request)
    _become(request, fresh)


@transaction.atomic
def end(request: HttpRequest) -> None:
    """End the session, with the one it returns to; signing out twice changes nothing."""
    store = store_of(request)
    row = store.row
    if row is not None and row.user is not None:
        # Who it was is known for the rest of this request.
        actor = request._sender = of_session(row, request)  # type: ignore[attr-defined]
        record(actor, "user.sign_out", row.user)
    if row is not None and row.parent_id:
        Session.objects.filter(pk=row.parent_id).delete()
    store.flush()
    rotate_token(request)


def end_all_of(user: User, *, but: UUID | None = None) -> int:
    """End every session of `user`, also those half begun, but one; return their number.

    Call it in the transaction of the change that ends them, with the user's row locked. Sessions
    in which the user acts as somebody else end as well.
    """
    rows = Session.objects.exclude(pk=but) if but else Session.objects.all()
    ended = 0
    for column in ("user", "pending_user", "impersonator"):
        ended += rows.filter(**{column: user}).delete()[1].get("accounts.Session", 0)
    return ended


@transaction.atomic
def end_one(session: Session, *, actor: Actor) -> None:
    """End one session from another; audited. Raises Forbidden."""
    found = Session.objects.editable_by(actor).filter(pk=session.pk).select_related("user").first()
    if found is None:
        raise Forbidden("Sessions are ended by their owner, signed in.")
    assert found.user is not None  # noqa: S101 - `visible_to` leaves out the others
    record(actor, "session.end", found, name=str(found.user))
    found.delete()


@transaction.atomic
def end_others(user: User, *, actor: Actor) -> int:
    """End all sessions of the actor but the one they are in; audited. Returns their number."""
    if not actor.is_own_session or actor.user_id != user.pk:
        raise Forbidden("Sessions are ended by their owner, signed in.")
    ended = end_all_of(_locked(user), but=actor.session_id)
    record(actor, "session.end_others", user, changes={"ended": ended})
    return ended


@transaction.atomic
def end_every(user: User, *, actor: Actor) -> int:
    """End all sessions of a user, for platform administrators; audited. Returns their number."""
    if not (actor.is_own_session and actor.is_platform_admin):
        raise Forbidden("Only platform administrators, signed in, may do this.")
    ended = end_all_of(User.objects.select_for_update().get(pk=user.pk))
    record(actor, "session.end_all", user, changes={"ended": ended})
    return ended


def new_row(request: HttpRequest, **values: object) -> Session:
    """Return a new saved row that names the browser of `request`."""
    origin = anonymous(request)
    now = timezone.now()
    row: Session = Session.objects.create(
        created_at=now, last_seen_at=now, ip=origin.ip, user_agent=origin.user_agent, **values
    )
    return row


def _become(request: HttpRequest, row: Session) -> Actor:
    """Let the rest of this request know who has just signed in."""
    assert row.user is not None  # noqa: S101 - the callers have set it
    request.user = row.user
    actor = of_session(row, request)
    request._actor = actor  # type: ignore[attr-defined]
    return actor


def _locked(user: User) -> User:
    found: User | None = User.objects.select_for_update().filter(pk=user.pk, is_active=True).first()
    if found is None or found.password != user.password:
        raise Unauthenticated("Sign in again.")
    return found
