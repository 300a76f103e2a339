"""What can be done to users, keys and the set-up link."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiKey, SetupLink, User, normal_email
from audit.services import changes_of, record
from restai_site.lib.actor import Actor
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Conflict, Forbidden, Invalid, NotFound

KEY_PREFIX = "rk_"
KEY_BYTES = 32
SHOWN_PREFIX_LENGTH = 8
EDITABLE_USER_FIELDS = frozenset({"name", "email", "theme", "is_active", "is_platform_admin"})
OWN_USER_FIELDS = frozenset({"name", "theme"})


def check_password(password: str, user: User) -> None:
    """Raise Invalid, naming the field, unless `password` satisfies the password rules."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), fields={"password": error.messages}) from None


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
    if actor.api_key_id is not None or not set(values) <= allowed:
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


@transaction.atomic
def change_password(user: User, *, current: str, new: str, actor: Actor) -> User:
    """Set a new password for the actor's own account; other sessions end.

    Raises Invalid when the current password is wrong or the new one breaks the rules.
    """
    if actor.api_key_id is not None or actor.user_id != user.pk:
        raise Forbidden("Passwords are changed by their owner, signed in.")
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.check_password(current):
        message = "The current password is not right."
        raise Invalid(message, fields={"current_password": [message]})
    check_password(new, user)
    user.set_password(new)
    user.save(update_fields=["password"])
    record(actor, "user.password_change", user, changes={"password": "changed"})
    return user


@transaction.atomic
def create_api_key(
    user: User, *, name: str, expires_at: datetime | None = None, actor: Actor
) -> tuple[ApiKey, str]:
    """Create an API key for the actor and return it with its plaintext, which is not stored.

    The key is `rk_` and 256 random bits. Raises Forbidden for keys that would mint keys.
    """
    if actor.api_key_id is not None or actor.user_id != user.pk:
        raise Forbidden("API keys are made by their owner, signed in.")
    plaintext = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    key = ApiKey.objects.create(
        user=user,
        name=name,
        prefix=plaintext[:SHOWN_PREFIX_LENGTH],
        digest=keyed_digest(plaintext),
        expires_at=expires_at,
    )
    record(actor, "api_key.create", key, changes={"name": name, "expires_at": expires_at})
    return key, plaintext


@transaction.atomic
def revoke_api_key(key: ApiKey, *, actor: Actor) -> ApiKey:
    """Revoke a key; it stops at the next request. Revoking twice changes nothing."""
    found = ApiKey.objects.editable_by(actor).select_for_update(of=("self",)).filter(pk=key.pk)
    key = found.get() if found.exists() else _refuse_key()
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        record(actor, "api_key.revoke", key)
    return key


def _refuse_key() -> ApiKey:
    raise Forbidden("API keys are revoked by their owner, signed in.")


@transaction.atomic
def renew_setup_link() -> str | None:
    """Return a fresh one-time token for the first administrator, or None once there is a user.

    A newer token voids the older one.
    """
    if User.objects.exists():
        return None
    token = secrets.token_urlsafe(KEY_BYTES)
    SetupLink.objects.update_or_create(
        singleton=True, defaults={"digest": keyed_digest(token), "used_at": None}
    )
    return token


def setup_link_is_open(token: str) -> bool:
    """Tell whether `token` still makes the first administrator."""
    link = SetupLink.objects.filter(digest=keyed_digest(token), used_at__isnull=True)
    return link.exists() and not User.objects.exists()


@transaction.atomic
def use_setup_link(token: str, *, email: str, name: str, password: str, actor: Actor) -> User:
    """Make the first administrator. Of parallel calls exactly one succeeds.

    Raises NotFound once the link is used, replaced, or there is a user; Invalid (weak password).
    """
    link = SetupLink.objects.select_for_update().filter(digest=keyed_digest(token)).first()
    if link is None or link.used_at is not None or User.objects.exists():
        raise NotFound("This set-up link has been used.")
    # The link, just checked and locked, is the right to do this once.
    allowed = replace(actor, credential="setup_link", is_platform_admin=True)
    user = create_user(
        email=email, password=password, name=name, is_platform_admin=True, actor=allowed
    )
    link.used_at = timezone.now()
    link.save(update_fields=["used_at"])
    return user


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
