"""The one-time link that makes the first administrator."""

import secrets
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from accounts.models import SetupLink, User
from accounts.services.users import create_user
from restai_site.lib.actor import Actor
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import NotFound

TOKEN_BYTES = 32


@transaction.atomic
def renew_setup_link() -> str | None:
    """Return a fresh one-time token for the first administrator, or None once there is a user.

    A newer token voids the older one.
    """
    if User.objects.exists():
        return None
    token = secrets.token_urlsafe(TOKEN_BYTES)
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
