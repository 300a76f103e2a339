"""Changing one's own e-mail address: asked for with the password, confirmed from the new place."""

from django.db import transaction

from accounts import mails, tasks
from accounts.models import User, normal_email
from accounts.notices import tell
from accounts.services.links import Purpose, make_link, using_link
from accounts.services.passwords import locked_self
from accounts.services.users import save_user
from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.errors import Invalid

SAME = "This is your address already."


@transaction.atomic
def ask_for_email(user: User, *, email: str, current_password: str, actor: Actor) -> None:
    """Mail a link to the new address, and a notice to the old one.

    Whether somebody else has the address is not told: the mail's own reader finds out. Raises
    Forbidden, Invalid.
    """
    user = locked_self(user, current_password=current_password, actor=actor)
    email = normal_email(email)
    if email == user.email:
        raise Invalid(SAME, fields={"email": [SAME]})
    record(actor, "user.email_change_request", user, changes={"email": email})
    enqueue(tasks.mail_address_link, user.pk, email)
    tell("address_change_asked", user.email, email)


def send_address_link(user_id: int, email: str) -> None:
    """Mail the link that confirms `email`; for the task alone."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not mails.mail_is_set_up() or User.objects.filter(email=email).exists():
        return
    mails.send("address_link", email, link=make_link(user, Purpose.EMAIL_CHANGE, email=email))


@transaction.atomic
def confirm_email(digest: object, *, actor: Actor) -> User:
    """Give the user of the link with `digest` the address it was sent to.

    Raises NotFound where the link does not hold, Conflict where the address has been taken.
    """
    with using_link(digest, Purpose.EMAIL_CHANGE) as link:
        user, email = link.user, link.email
        before, user.email = user.email, email
        save_user(user, ["email"])
    changes = {"email": {"before": before, "after": email}}
    record(actor, "user.email_change", user, changes=changes)
    tell("address_changed", before, email)
    return user
