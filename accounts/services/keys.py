"""What can be done to API keys."""

import secrets
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import ApiKey, User
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Forbidden

KEY_PREFIX = "rk_"
KEY_BYTES = 32
SHOWN_PREFIX_LENGTH = 8


@transaction.atomic
def create_api_key(
    user: User, *, name: str, expires_at: datetime | None = None, actor: Actor
) -> tuple[ApiKey, str]:
    """Create an API key for the actor and return it with its plaintext, which is not stored.

    The key is `rk_` and 256 random bits. Raises Forbidden for keys that would mint keys.
    """
    if not actor.is_own_session or actor.user_id != user.pk:
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
