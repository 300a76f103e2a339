"""Inviting people: they choose their own password, by a mailed link."""

from django.db import transaction
from django.utils import timezone

from accounts import mails, policy, tasks
from accounts.models import MailedLink, User, normal_email
from accounts.password_rules import check_password_rules
from accounts.services.links import GONE, LIFETIMES, Purpose, find_link, make_link, using_link
from accounts.services.passwords import set_password
from accounts.services.users import locked_for_administrator, require_administrator, save_user
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.errors import Conflict, Forbidden, NotFound

ACCEPTED = "This person has accepted already."
SENT_BY_MAIL = "There is a mail server: send the invitation by mail."


@transaction.atomic
def invite_user(
    *,
    email: str,
    name: str = "",
    is_platform_admin: bool = False,
    is_restricted: bool = False,
    actor: Actor,
) -> User:
    """Make a user without a password, and mail them the link by which they choose one.

    Until they have, nothing signs in as them but an identity provider that knows their address, or
    an entry of the directory that an administrator has linked. Raises Forbidden, Conflict (the
    address is taken).
    """
    require_administrator(actor)
    user = User(
        email=normal_email(email),
        name=name,
        is_platform_admin=is_platform_admin,
        is_restricted=is_restricted,
        invited_at=timezone.now(),
    )
    user.set_unusable_password()
    save_user(user)
    changes = {"is_platform_admin": is_platform_admin, "is_restricted": is_restricted}
    record(actor, "user.invite", user, changes=changes)
    _mail(user, actor)
    return user


@transaction.atomic
def renew_invitation(user: User, *, actor: Actor) -> User:
    """Mail a new invitation, which voids the older one. Raises Forbidden, Conflict."""
    user = _invited(user, actor)
    user.invited_at = timezone.now()
    user.save(update_fields=["invited_at"])
    record(actor, "user.invite_again", user)
    _mail(user, actor)
    return user


@transaction.atomic
def show_invitation(user: User, *, actor: Actor) -> str:
    """Return a new invitation link for the administrator to pass on, where no mail can be sent.

    Raises Forbidden, and Conflict where the user has accepted or a mail server is there.
    """
    user = _invited(user, actor)
    if mails.mail_is_set_up():
        raise Conflict(SENT_BY_MAIL)
    if not policy.local_sign_in_open(user):
        raise Conflict("People sign in by an identity provider here: tell them the address.")
    record(actor, "user.invitation_shown", user)
    return make_link(user, Purpose.INVITATION, email=user.email)


def send_invitation(user_id: int, inviter: str) -> None:
    """Mail the invitation; for the task alone."""
    user = User.objects.filter(pk=user_id, is_active=True, invited_at__isnull=False).first()
    if user is None or not mails.mail_is_set_up():
        return
    if not policy.local_sign_in_open(user):
        mails.send("invitation_to_provider", user.email, inviter=inviter)
        return
    link = make_link(user, Purpose.INVITATION, email=user.email)
    days = LIFETIMES[Purpose.INVITATION].days
    mails.send("invitation", user.email, link=link, inviter=inviter, days=days)


def find_invitation(digest: object) -> MailedLink | None:
    """Return the invitation with `digest` where it can still be accepted."""
    link = find_link(digest, Purpose.INVITATION)
    return link if link is not None and _may_accept(link.user) else None


@transaction.atomic
def accept_invitation(digest: object, *, name: str, password: str, actor: Actor) -> User:
    """Set the first password of an invited user.

    Raises NotFound where the link does not hold, Invalid (weak password; the link stays).
    """
    with using_link(digest, Purpose.INVITATION) as link:
        user = link.user
        if not _may_accept(user):
            raise NotFound(GONE)
        user.name = name
        set_password(user, password)
        user.invited_at = None
        user.save(update_fields=["name", "invited_at"])
    record(actor, "user.accept_invitation", user)
    return user


@transaction.atomic
def create_by_link(*, email: str, name: str, password: str, actor: Actor) -> User:
    """Make an account without any right on the platform for whoever reads the mail of `email`.

    For the apps above: a mailed link of theirs, which they have checked, is the right to do this
    once. Raises Forbidden where nobody signs in with a password, Invalid (weak password), Conflict
    (the address is taken).
    """
    if not policy.local_sign_in_open(None):
        raise Forbidden("People sign in by an identity provider here.")
    user = User(email=normal_email(email), name=name)
    check_password_rules(password, user)
    user.set_unusable_password()
    save_user(user)
    set_password(user, password)
    record(actor, "user.create_by_link", user)
    return user


def _may_accept(user: User) -> bool:
    return user.invited_at is not None and policy.local_sign_in_open(user)


def _invited(user: User, actor: Actor) -> User:
    user = locked_for_administrator(user, actor)
    if user.invited_at is None:
        raise Conflict(ACCEPTED)
    if not user.is_active:
        raise Conflict("This person is suspended: let them in again first.")
    return user


def _mail(user: User, actor: Actor) -> None:
    inviter = User.objects.filter(pk=actor.own_id).first()
    name = " ".join(inviter.display_name.split()) if inviter else "An administrator"
    enqueue(tasks.mail_invitation, user.pk, name)
