"""Setting passwords: one's own, and a forgotten one by a mailed link."""

from typing import NoReturn
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts import limiter, mails, policy
from accounts.models import ApiKey, MailedLink, User, normal_email, normal_password
from accounts.notices import tell
from accounts.password_rules import check_password_rules
from accounts.sections import AuthenticationSection
from accounts.services.links import GONE, Purpose, find_link, make_link, using_link
from accounts.sessions import lifecycle
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current
from restai_site.lib.errors import Forbidden, Invalid, NotFound

WRONG_CURRENT = "The current password is not right."
WITHOUT_ONE = "Your account has no password: you sign in by an identity provider or a directory."


def set_password(user: User, password: str, *, keep: UUID | None = None) -> dict[str, object]:
    """Give `user`, whose row is locked, a new password, and end what the old one has opened.

    All sessions end but `keep`, and API keys where the settings say so. Returns what the audit
    trail is to say; the caller records it. Raises Invalid (weak password).
    """
    check_password_rules(password, user)
    user.set_password(password)
    user.password_changed_at = timezone.now()
    single = current(AuthenticationSection).password_min_length
    user.password_is_short = len(normal_password(password)) < single
    user.save(update_fields=["password", "password_changed_at", "password_is_short"])
    ended = lifecycle.end_all_of(user, but=keep)
    return {"password": "changed", "sessions_ended": ended, "keys_ended": _end_keys(user)}


def _end_keys(user: User) -> int:
    if not current(AuthenticationSection).keys_end_with_password:
        return 0
    keys = ApiKey.objects.filter(user=user, revoked_at=None)
    return keys.update(revoked_at=timezone.now())


@transaction.atomic
def change_password(user: User, *, current_password: str, new: str, actor: Actor) -> User:
    """Set a new password for the actor's own account; other sessions end, and a mail tells it.

    Raises Forbidden, and Invalid when the current password is wrong or the new one breaks the
    rules.
    """
    user = locked_self(user, current_password=current_password, actor=actor)
    changes = set_password(user, new, keep=actor.session_id)
    record(actor, "user.password_change", user, changes=changes)
    tell("password_changed", user.email)
    return user


def locked_self(user: User, *, current_password: str, actor: Actor) -> User:
    """Return the actor's own row, locked, when `current_password` is theirs.

    For what changes a credential. Raises Forbidden, Invalid.
    """
    if not actor.is_own_session or actor.user_id != user.pk:
        raise Forbidden("This is done by its owner, signed in.")
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.has_usable_password():
        _refuse(WITHOUT_ONE)
    if not user.check_password(current_password):
        _refuse(WRONG_CURRENT)
    return user


def _refuse(message: str) -> NoReturn:
    raise Invalid(message, fields={"current_password": [message]})


def send_reset_link(email: str, *, actor: Actor) -> None:
    """Mail a link for a new password, where `email` belongs to somebody who signs in by one.

    For the task alone: whoever asks is told the same, and waits as long, whatever becomes of it.
    """
    user: User | None = User.objects.filter(email=normal_email(email)).first()
    if user is None or not may_reset(user) or not mails.mail_is_set_up():
        return
    with transaction.atomic():
        link = make_link(user, Purpose.RESET, email=user.email)
        record(actor, "user.password_reset_mail", user)
    mails.send("reset", user.email, link=link)


def may_reset(user: User) -> bool:
    """Tell whether the user may choose a new password by a mailed link."""
    return user.is_active and user.has_usable_password() and policy.local_sign_in_open(user)


def find_reset_link(digest: object) -> MailedLink | None:
    """Return the link with `digest` where it still leads to a new password."""
    link = find_link(digest, Purpose.RESET)
    return link if link is not None and may_reset(link.user) else None


@transaction.atomic
def reset_password(digest: object, *, password: str, actor: Actor) -> User:
    """Set a new password by the link with `digest`. All sessions end; nobody is signed in.

    Whoever was locked out by wrong guesses may try again at once. Raises NotFound where the link
    does not hold, Invalid (weak password; the link stays).
    """
    with using_link(digest, Purpose.RESET) as link:
        user = link.user
        if not may_reset(user):
            raise NotFound(GONE)
        changes = set_password(user, password)
    record(actor, "user.password_reset", user, changes=changes)
    limiter.forgive(limiter.Kind.PASSWORD, user.email)
    tell("password_changed", user.email)
    return user
