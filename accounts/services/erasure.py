"""Erasing people: their account goes, and with it their name from the audit trail."""

from collections.abc import Iterable

from django.db import transaction

from accounts.models import LinkedAccount, MailedLink, User
from accounts.services.users import delete_user, require_administrator
from audit.erasing import services as erasing
from audit.models import Entry, Erasure
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.db import again_after_deadlock
from restai_site.lib.errors import Conflict, Invalid

NOBODY = "No account has or had this number."
STILL_THERE = "This account is still there: erase it at its own page."


@again_after_deadlock
@transaction.atomic
def erase_user(user: User, *, actor: Actor) -> Erasure:
    """Delete a user, and have a pseudonym take their place in the audit trail; audited.

    Only whoever has AUDIT_KEY can say afterwards who it was. Raises Forbidden, Conflict.
    """
    require_administrator(actor)
    user_id, addresses, names = user.pk, _addresses(user), [user.name]
    record(actor, "user.erase", user)
    delete_user(user, actor=actor)
    return _ask(user_id, actor, addresses, names)


@transaction.atomic
def erase_deleted(user_id: int, *, actor: Actor) -> Erasure:
    """Have a pseudonym take the place of somebody whose account is gone already; audited.

    Raises Forbidden, Invalid (the trail knows no such account), Conflict (it is still there).
    """
    require_administrator(actor)
    if User.objects.filter(pk=user_id).exists():
        raise Conflict(STILL_THERE)
    about = Entry.objects.filter(target_type=User._meta.label_lower, target_id=str(user_id))
    # Most have done something; whoever has not was at least made.
    if not (about.exists() or Entry.objects.filter(actor_id=user_id).exists()):
        raise Invalid(NOBODY, fields={"user_id": [NOBODY]})
    record(actor, "user.erase", User(pk=user_id), name=f"Account {user_id}")
    names = about.values_list("target_name", flat=True).distinct()
    return _ask(user_id, actor, [name for name in names if "@" in name], [])


def _ask(user_id: int, actor: Actor, addresses: Iterable[str], names: Iterable[str]) -> Erasure:
    return erasing.ask(
        User._meta.label_lower, user_id, addresses=addresses, names=names, actor=actor
    )


def _addresses(user: User) -> set[str]:
    links = LinkedAccount.objects.filter(user=user).values_list("email", flat=True)
    mailed = MailedLink.objects.filter(user=user).values_list("email", flat=True)
    return {user.email, *links, *mailed}
