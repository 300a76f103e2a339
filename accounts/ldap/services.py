"""What can be done to the tie between a user and an entry of the directory."""

import logging

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.directory import groups_read, leave
from accounts.ldap.authentication import Found, look_up
from accounts.ldap.section import LdapSection
from accounts.models import LdapAccount, User, normal_email
from accounts.policy import breaks_glass
from accounts.sessions import lifecycle
from audit.services import CHANGED, changes_of, record
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import current
from restai_site.lib.errors import Conflict, Forbidden, Invalid, NotFound

logger = logging.getLogger(__name__)
SOURCE = "ldap"
NAME_MAX_LENGTH = 100
NOT_LINKED = (
    "The directory knows you, but you have no account here yet: ask an administrator of this "
    "platform for one."
)


class NotLinked(Forbidden):
    """Somebody whom the directory has proven has no account, and is not given one.

    The words are the same whatever the reason: whoever can edit an e-mail address in the directory
    must not learn by it which addresses have an account.
    """

    code = "not_linked"

    def __init__(self) -> None:
        super().__init__(NOT_LINKED)


@transaction.atomic
def take_in(found: Found, *, actor: Actor) -> User | None:
    """Return the user who is the entry `found`, brought up to date; None for a suspended one.

    Somebody new gets a restricted account where the settings say so and nobody has that address.
    Raises NotLinked.
    """
    account = _account_of(found)
    made = _make(found, actor) if account is None else None
    # Somebody else may have made it this moment.
    account = account or made or _account_of(found)
    if account is None:
        raise NotLinked
    if not account.user.is_active:
        return None
    LdapAccount.objects.filter(pk=account.pk).update(last_seen=timezone.now())
    if made is None:
        _refresh(account, found, actor)
    groups_read.send(
        LdapAccount,
        user=account.user,
        source=SOURCE,
        groups=found.groups,
        created=made is not None,
        actor=actor,
    )
    return account.user


def link(user: User, *, login: str, actor: Actor) -> LdapAccount:
    """Tie `user` to the entry that `login` fits; they sign in by the directory alone from then on.

    Asks the directory: call it outside a transaction. Raises Forbidden (no platform administrator
    in their own session, or the account is another administrator's), Invalid (no such entry),
    Conflict, Unavailable.
    """
    _require_administrator(actor)
    if user.is_platform_admin and user.pk != actor.user_id and not actor.is_system:
        # Whoever owns the entry comes in as the user: nobody becomes another administrator so.
        raise Forbidden("Administrators link their own account themselves.")
    found = look_up(login)
    if found is None:
        message = "The directory has no entry, or several, that this name fits."
        raise Invalid(message, fields={"login": [message]})
    return _tie(user, found, actor)


@transaction.atomic
def unlink(user: User, *, actor: Actor) -> User:
    """Untie `user` from the directory. They have no way in until they are invited or linked anew.

    Raises Forbidden, NotFound (not tied).
    """
    _require_administrator(actor)
    user = User.objects.select_for_update().get(pk=user.pk)
    account = LdapAccount.objects.filter(user=user).first()
    if account is None:
        raise NotFound("This user does not sign in by the directory.")
    account.delete()
    leave(user, source=SOURCE, actor=actor)
    # As somebody who has not chosen a password yet.
    user.invited_at = timezone.now()
    user.save(update_fields=["invited_at"])
    lifecycle.end_all_of(user)
    record(actor, "user.ldap_unlink", user, changes={"dn": account.dn})
    return user


@transaction.atomic
def _tie(user: User, found: Found, actor: Actor) -> LdapAccount:
    user = User.objects.select_for_update().get(pk=user.pk)
    if breaks_glass(user):
        raise Conflict("This administrator comes in when all else fails, and keeps the password.")
    try:
        with transaction.atomic():
            account = LdapAccount.objects.create(user=user, unique_id=found.unique_id, dn=found.dn)
    except IntegrityError:
        raise Conflict("This user, or this entry of the directory, is linked already.") from None
    user.set_unusable_password()
    # An invitation, which would lead to a local password, is void.
    user.invited_at = None
    user.save(update_fields=["password", "invited_at"])
    lifecycle.end_all_of(user)
    record(actor, "user.ldap_link", user, changes={"dn": found.dn, "password": CHANGED})
    return account


def _account_of(found: Found) -> LdapAccount | None:
    rows = LdapAccount.objects.select_for_update(of=("self",)).select_related("user")
    return rows.filter(unique_id=found.unique_id).first()


def _make(found: Found, actor: Actor) -> LdapAccount | None:
    """Make a user for an entry that nobody is tied to, where that is wanted and possible.

    An address that is taken stays whose it is.
    """
    email = _valid_email(found)
    if not current(LdapSection).auto_create or not email:
        logger.warning("No account was made for %s: not wanted, or it has no address.", found.dn)
        return None
    user = User(email=email, name=_name(found), is_restricted=True)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
            account = LdapAccount.objects.create(user=user, unique_id=found.unique_id, dn=found.dn)
    except IntegrityError:
        logger.warning("No account was made for %s: its address is taken.", found.dn)
        return None
    record(actor, "user.create", user, changes={"dn": found.dn, "is_restricted": True})
    return account


def _refresh(account: LdapAccount, found: Found, actor: Actor) -> None:
    """Take name and addresses from the directory, but no e-mail address that is another user's."""
    user = account.user
    values = {"name": _name(found) or user.name}
    email = _valid_email(found)
    if email and not User.objects.filter(email=email).exclude(pk=user.pk).exists():
        values["email"] = email
    changes = changes_of(user, values)
    for name in changes:
        setattr(user, name, values[name])
    try:
        with transaction.atomic():
            user.save(update_fields=list(changes))
    except IntegrityError:
        # Somebody else has taken the address this moment: it is theirs.
        user.refresh_from_db()
        changes = {}
    if account.dn != found.dn:
        changes["dn"] = {"before": account.dn, "after": found.dn}
        account.dn = found.dn
        account.save(update_fields=["dn"])
    if changes:
        record(actor, "user.update", user, changes=changes)


def _valid_email(found: Found) -> str:
    email = normal_email(found.email)
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return email


def _name(found: Found) -> str:
    return "".join(c for c in found.name if c.isprintable())[:NAME_MAX_LENGTH]


def _require_administrator(actor: Actor) -> None:
    if not (actor.is_platform_admin and actor.handles_credentials):
        raise Forbidden("Only platform administrators, signed in, may link accounts.")
