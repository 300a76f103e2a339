"""What can be done to users: made, changed, suspended, deleted."""

from collections.abc import Mapping
from typing import Any, NoReturn

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import User, normal_email
from accounts.notices import tell
from accounts.password_rules import check_password_rules
from accounts.sessions import lifecycle
from audit.services import changes_of, record
from restai_site.lib.actor import Actor
from restai_site.lib.db import again_after_deadlock
from restai_site.lib.errors import Conflict, Forbidden, NotFound
from restai_site.lib.rate_limit import require_per_minute

OWN_USER_FIELDS = frozenset({"name", "theme"})
EDITABLE_USER_FIELDS = OWN_USER_FIELDS | {
    "email",
    "is_platform_admin",
    "is_restricted",
    "requests_per_minute",
}
ROLE_FIELDS = frozenset({"is_active", "is_platform_admin", "is_restricted"})
ASK_ANOTHER = "Ask another administrator: nobody takes their own access away."
OWN_EMAIL = "Your own address is changed under Profile, Security: it has to be confirmed."
LAST = "The platform needs at least one active administrator who is not restricted."


@transaction.atomic
def create_user(
    *, email: str, password: str, name: str = "", is_platform_admin: bool = False, actor: Actor
) -> User:
    """Create a user who signs in with `password`; for commands and the set-up link.

    Everybody else is invited. Raises Forbidden, Invalid (weak password), Conflict (the address is
    taken).
    """
    require_administrator(actor)
    user = User(email=normal_email(email), name=name, is_platform_admin=is_platform_admin)
    check_password_rules(password, user)
    user.set_password(password)
    save_user(user)
    record(actor, "user.create", user, changes={"is_platform_admin": is_platform_admin})
    return user


@transaction.atomic
def update_user(user: User, values: Mapping[str, Any], *, actor: Actor) -> User:
    """Change fields of a user.

    People change their own name and theme; platform administrators change everything in
    EDITABLE_USER_FIELDS. A change of role ends the user's sessions. Raises Forbidden, Invalid, and
    Conflict for one's own role and where nobody would be left to administer the platform.
    """
    if set(values) <= OWN_USER_FIELDS and actor.user_id == user.pk and actor.is_own_session:
        user = User.objects.select_for_update().get(pk=user.pk)
    elif set(values) <= EDITABLE_USER_FIELDS:
        user = locked_for_administrator(user, actor)
    else:
        raise Forbidden("You may not change these fields of a user.")
    require_per_minute(values.get("requests_per_minute"))
    if "email" in values:
        values = {**values, "email": normal_email(values["email"])}
        if actor.user_id == user.pk and values["email"] != user.email:
            raise Conflict(OWN_EMAIL, fields={"email": [OWN_EMAIL]})
    return _change(user, values, "user.update", actor)


def suspend_user(user: User, *, actor: Actor) -> User:
    """Stop a user at once, on every way in; their rows stay. Raises Forbidden, Conflict."""
    return _set_active(user, "user.suspend", is_active=False, actor=actor)


def activate_user(user: User, *, actor: Actor) -> User:
    """Let a suspended user in again. Raises Forbidden."""
    return _set_active(user, "user.activate", is_active=True, actor=actor)


@transaction.atomic
def _set_active(user: User, action: str, *, is_active: bool, actor: Actor) -> User:
    user = locked_for_administrator(user, actor)
    return _change(user, {"is_active": is_active}, action, actor)


@again_after_deadlock
@transaction.atomic
def delete_user(user: User, *, actor: Actor) -> None:
    """Delete a user for good, with their conversations, keys, sessions and memberships.

    The ledger and the audit trail keep what they did. Raises Forbidden, Conflict.
    """
    user = locked_for_administrator(user, actor)
    _refuse_loss_of_access(user, {"is_active": False}, actor)
    lifecycle.end_all_of(user)
    record(actor, "user.delete", user)
    user.delete()


def _change(user: User, values: Mapping[str, Any], action: str, actor: Actor) -> User:
    _refuse_loss_of_access(user, values, actor)
    changes = changes_of(user, values)
    if not changes:
        return user
    before = user.email
    for name in changes:
        setattr(user, name, values[name])
    save_user(user, list(changes))
    if ROLE_FIELDS & set(changes):
        lifecycle.end_all_of(user)
    if "email" in changes:
        tell("address_changed", before, user.email)
    record(actor, action, user, changes=changes)
    return user


def require_administrator(actor: Actor) -> None:
    """Raise Forbidden unless a platform administrator is here in person, or a command.

    Whoever held an administrator's key would else make users that outlive the key.
    """
    if not actor.is_platform_admin or actor.is_restricted:
        raise Forbidden("Only platform administrators may do this.")
    if actor.user_id is not None and not actor.is_own_session:
        raise Forbidden("This takes a platform administrator who is signed in as themselves.")


def locked_for_administrator(user: User, actor: Actor) -> User:
    """Return `user`, locked with all administrators, for an administrator who is still one.

    All are locked in one order, so that no two wait for each other. Raises Forbidden.
    """
    require_administrator(actor)
    rows = User.objects.select_for_update().order_by("pk")
    locked: dict[int, User] = {
        row.pk: row for row in rows.filter(Q(pk=user.pk) | Q(is_platform_admin=True))
    }
    if user.pk not in locked:
        raise NotFound("This user has been deleted.")
    if actor.user_id is not None:
        own = locked.get(actor.user_id)
        if own is None or not _administers(own):
            raise Forbidden("Only platform administrators may do this.")
    return locked[user.pk]


def _administers(user: User, values: Mapping[str, Any] | None = None) -> bool:
    """Tell whether `user`, with `values` changed, is an administrator who can act."""
    after = {name: getattr(user, name) for name in ROLE_FIELDS} | dict(values or {})
    return after["is_active"] and after["is_platform_admin"] and not after["is_restricted"]


def _refuse_loss_of_access(user: User, values: Mapping[str, Any], actor: Actor) -> None:
    """Raise Conflict where somebody would shut out themselves, or everybody."""
    if not _administers(user) or _administers(user, values):
        return
    if actor.user_id == user.pk:
        raise Conflict(ASK_ANOTHER)
    others = User.objects.filter(
        is_platform_admin=True, is_active=True, is_restricted=False, invited_at=None
    )
    if not others.exclude(pk=user.pk).exists():
        raise Conflict(LAST)


def save_user(user: User, fields: list[str] | None = None) -> None:
    """Save a user. Raises Conflict where the address is taken."""
    try:
        with transaction.atomic():
            user.save(update_fields=fields)
    except IntegrityError:
        _refuse_address()


def _refuse_address() -> NoReturn:
    message = "There is already a user with this e-mail address."
    raise Conflict(message, fields={"email": [message]}) from None
