"""What can be done to users."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import User, normal_email
from accounts.services.passwords import check_password
from accounts.sessions import lifecycle
from audit.services import changes_of, record
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden

EDITABLE_USER_FIELDS = frozenset(
    {"name", "email", "theme", "is_active", "is_restricted", "is_platform_admin"}
)
OWN_USER_FIELDS = frozenset({"name", "theme"})
# A change of one of these ends the sessions that were begun under the other rights.
RIGHTS = frozenset({"is_active", "is_restricted", "is_platform_admin"})


@transaction.atomic
def create_user(
    *, email: str, password: str, name: str = "", is_platform_admin: bool = False, actor: Actor
) -> User:
    """Create a user who signs in with `password`; for platform administrators.

    Raises Forbidden, Invalid (weak password), Conflict (the address is taken).
    """
    _require_platform_admin(actor)
    if is_platform_admin and actor.api_key_id is not None:
        # Whoever holds a key would sign in as the new administrator, and outlive the key.
        raise Forbidden("An API key cannot make platform administrators; sign in to do it.")
    user = User(email=normal_email(email), name=name, is_platform_admin=is_platform_admin)
    check_password(password, user)
    user.set_password(password)
    _save_user(user)
    record(actor, "user.create", user, changes={"is_platform_admin": is_platform_admin})
    return user


@transaction.atomic
def update_user(user: User, values: Mapping[str, Any], *, actor: Actor) -> User:
    """Change fields of a user.

    People change their own name and theme; platform administrators change everything in
    EDITABLE_USER_FIELDS. Raises Forbidden, and Conflict where nobody would be left to administer
    the platform.
    """
    allowed = EDITABLE_USER_FIELDS if actor.is_platform_admin else OWN_USER_FIELDS
    if not actor.handles_credentials or not set(values) <= allowed:
        raise Forbidden("You may not change these fields of a user.")
    if "email" in values:
        values = {**values, "email": normal_email(values["email"])}
    user = _lock_with_administrators(user)
    _keep_one_platform_admin(user, values)
    changes = changes_of(user, values)
    if not changes:
        return user
    for name in changes:
        setattr(user, name, values[name])
    _save_user(user, list(changes))
    if RIGHTS & set(changes):
        lifecycle.end_all_of(user)
    record(actor, "user.update", user, changes=changes)
    return user


def _lock_with_administrators(user: User) -> User:
    """Lock the user and all administrators, in one order, so that no two wait for each other."""
    rows = User.objects.select_for_update().order_by("pk")
    locked: dict[int, User] = {
        row.pk: row for row in rows.filter(Q(pk=user.pk) | Q(is_platform_admin=True))
    }
    return locked[user.pk]


def _keep_one_platform_admin(user: User, values: Mapping[str, Any]) -> None:
    stays = values.get("is_active", user.is_active) and values.get(
        "is_platform_admin", user.is_platform_admin
    )
    if stays or not user.is_platform_admin:
        return
    others = User.objects.filter(is_platform_admin=True, is_active=True).exclude(pk=user.pk)
    if not others.exists():
        raise Conflict("The platform needs at least one active administrator.")


def _save_user(user: User, fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            user.save(update_fields=fields)
    except IntegrityError:
        message = "There is already a user with this e-mail address."
        raise Conflict(message, fields={"email": [message]}) from None


def _require_platform_admin(actor: Actor) -> None:
    if not actor.is_platform_admin:
        raise Forbidden("Only platform administrators may do this.")
