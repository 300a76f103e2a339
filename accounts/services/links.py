"""Making, finding and using mailed links."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import MailedLink, User
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import NotFound

Purpose = MailedLink.Purpose
TOKEN_BYTES = 32
# 32 bytes in URL-safe base64 without padding.
TOKEN_LENGTH = 43
LIFETIMES = {
    Purpose.RESET: timedelta(hours=1),
    Purpose.INVITATION: timedelta(days=7),
    Purpose.EMAIL_CHANGE: timedelta(days=1),
}
PLACES = {
    Purpose.RESET: "password/reset",
    Purpose.INVITATION: "invitation",
    Purpose.EMAIL_CHANGE: "email",
}
GONE = "This link has been used, has expired, or was replaced by a newer one."


@transaction.atomic
def make_link(user: User, purpose: Purpose, *, email: str) -> str:
    """Return the address of a new link, which voids the older one of this purpose.

    It begins with PUBLIC_URL, whatever host a request was sent to. Its token is stored nowhere.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    now = timezone.now()
    MailedLink.objects.update_or_create(
        user=user,
        purpose=purpose,
        defaults={
            "email": email,
            "digest": keyed_digest(token),
            "user_mark": _mark(user),
            "created_at": now,
            "expires_at": now + LIFETIMES[purpose],
            "used_at": None,
        },
    )
    return f"{settings.PUBLIC_URL}/{PLACES[purpose]}/{token}"


def digest_of(token: str) -> str:
    """Return what is stored of a token; nothing is stored of what cannot be one."""
    return keyed_digest(token) if len(token) == TOKEN_LENGTH and token.isascii() else ""


def find_link(digest: object, purpose: Purpose) -> MailedLink | None:
    """Return the link with `digest` if it still opens something."""
    if not isinstance(digest, str) or not digest:
        return None
    found = MailedLink.objects.select_related("user").filter(digest=digest, purpose=purpose)
    link: MailedLink | None = found.first()
    return link if link is not None and _holds(link) else None


@contextmanager
def using_link(digest: object, purpose: Purpose) -> Iterator[MailedLink]:
    """Use up a link by what is done inside; what fails there leaves it as it is.

    Call it in a transaction. The link and its user are locked: of parallel calls one succeeds.
    Raises NotFound where the link does not hold (any more).
    """
    found = find_link(digest, purpose)
    if found is None:
        raise NotFound(GONE)
    # The user first, as everywhere, so that no two wait for each other.
    user = User.objects.select_for_update().filter(pk=found.user_id).first()
    link = MailedLink.objects.select_for_update().filter(pk=found.pk, digest=digest).first()
    if user is None or link is None:
        raise NotFound(GONE)
    link.user = user
    if not _holds(link):
        raise NotFound(GONE)
    yield link
    link.used_at = timezone.now()
    link.save(update_fields=["used_at"])


def _holds(link: MailedLink) -> bool:
    return link.is_open and link.user.is_active and link.user_mark == _mark(link.user)


def _mark(user: User) -> str:
    return keyed_digest(f"mailed link:{user.pk}:{user.email}:{user.password}")
