"""Keys of widgets: public, as they stand in pages of other websites, and good for nothing else.

The app of the widgets calls this inside its own services, which say who may.
"""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import ApiKey, User
from accounts.services.keys import OVERLAP_MAX
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Forbidden, Invalid

PREFIX = "wk_"
# With the prefix and the sixteen letters that name the widget, as long as other keys.
SECRET_BYTES = 20
SHOWN_LENGTH = 8
FOR_PEOPLE = "The keys of widgets are made by people who are signed in as themselves."


@transaction.atomic
def create_widget_key(
    user: User,
    *,
    name: str,
    public_id: str,
    project_id: int,
    expires_at: datetime | None,
    actor: Actor,
) -> tuple[ApiKey, str]:
    """Create the key of a widget and return it with its plaintext, which is not stored.

    `user` answers for it: it stops with them. Raises Forbidden.
    """
    if not actor.is_own_session or actor.user_id != user.pk:
        raise Forbidden(FOR_PEOPLE)
    plaintext = _plaintext(public_id)
    key = ApiKey.objects.create(
        user=user,
        name=name[:100],
        prefix=plaintext[:SHOWN_LENGTH],
        digest=keyed_digest(plaintext),
        scope=ApiKey.Scope.WIDGET,
        project_ids=[project_id],
        expires_at=expires_at,
    )
    changes = {"scope": key.scope, "project_ids": key.project_ids, "expires_at": expires_at}
    record(actor, "api_key.create", key, changes=changes)
    return key, plaintext


@transaction.atomic
def renew_widget_key(
    key: ApiKey,
    user: User,
    *,
    public_id: str,
    expires_at: datetime | None,
    overlap: timedelta,
    actor: Actor,
) -> tuple[ApiKey, str]:
    """Give the key of a widget a new secret; whoever does that answers for it from now on.

    The secret so far works for `overlap` (OVERLAP_MAX at most) beside the new one. Raises
    Forbidden, Invalid.
    """
    if not actor.is_own_session or actor.user_id != user.pk:
        raise Forbidden(FOR_PEOPLE)
    if not timedelta(0) <= overlap <= OVERLAP_MAX:
        message = f"The old key works for {OVERLAP_MAX.days} days at most."
        raise Invalid(message, fields={"overlap_hours": [message]})
    row: ApiKey = ApiKey.objects.select_for_update().get(pk=key.pk)
    now, plaintext = timezone.now(), _plaintext(public_id)
    was_usable = row.is_usable and row.user.is_active
    keeps_old = bool(overlap) and was_usable
    row.previous_digest = row.digest if keeps_old else None
    row.previous_until = now + overlap if keeps_old else None
    row.prefix, row.digest = plaintext[:SHOWN_LENGTH], keyed_digest(plaintext)
    row.rotated_at, row.revoked_at, row.expires_at, row.user = now, None, expires_at, user
    row.save()
    changes = {"overlap_hours": int(overlap.total_seconds() // 3600), "expires_at": expires_at}
    record(actor, "api_key.rotate", row, changes=changes)
    return row, plaintext


def _plaintext(public_id: str) -> str:
    return PREFIX + public_id + secrets.token_urlsafe(SECRET_BYTES)
