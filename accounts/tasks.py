"""Background work on accounts."""

from typing import Any

from celery import shared_task

from accounts import mails
from accounts.personal import services as personal
from accounts.services import impersonation
from accounts.sessions import tokens
from accounts.sessions.store import SessionStore
from restai_site.lib.actor import Actor
from restai_site.lib.errors import MailFailed

# A mail server that is away for a while: seven attempts over half an hour.
MAIL: dict[str, Any] = {
    "autoretry_for": (MailFailed,),
    "retry_backoff": 15,
    "retry_backoff_max": 900,
    "max_retries": 6,
}


@shared_task(name="accounts.clear_expired_sessions")  # type: ignore[untyped-decorator]
def clear_expired_sessions() -> None:
    """Delete the sessions of browsers that nobody has signed in at, once their time is over.

    Strangers can make many of these. Other sessions, and counts of attempts, go by retention.
    """
    SessionStore.clear_expired()


@shared_task(name="accounts.make_data_export")  # type: ignore[untyped-decorator]
def make_data_export(export_id: int) -> bool:
    """Make the file of what the platform has about somebody."""
    return personal.make(export_id)


@shared_task(name="accounts.end_impersonations")  # type: ignore[untyped-decorator]
def end_impersonations() -> None:
    """Close the impersonations whose time is over, in the audit trail too."""
    impersonation.end_expired()


@shared_task(name="accounts.rotate_signing_key")  # type: ignore[untyped-decorator]
def rotate_signing_key() -> None:
    """Give the cookies' signatures a new key when the one in use is old enough."""
    tokens.rotate_when_due()


# The tokens of links are made here, by the services: none is ever in the queue.
@shared_task(name="accounts.mail_reset_link", **MAIL)  # type: ignore[untyped-decorator]
def mail_reset_link(email: str, origin: dict[str, Any]) -> None:
    """Mail a link for a new password to `email`, if it belongs to somebody who may have one."""
    from accounts.services import send_reset_link

    send_reset_link(email, actor=Actor(user_id=None, email="", credential="none", **origin))


@shared_task(name="accounts.mail_invitation", **MAIL)  # type: ignore[untyped-decorator]
def mail_invitation(user_id: int, inviter: str) -> None:
    """Mail an invitation."""
    from accounts.services import send_invitation

    send_invitation(user_id, inviter)


@shared_task(name="accounts.mail_address_link", **MAIL)  # type: ignore[untyped-decorator]
def mail_address_link(user_id: int, email: str) -> None:
    """Mail the link that confirms a new address."""
    from accounts.services import send_address_link

    send_address_link(user_id, email)


@shared_task(name="accounts.mail_notice", **MAIL)  # type: ignore[untyped-decorator]
def mail_notice(name: str, to: str, detail: str = "") -> None:
    """Tell somebody what has happened to their account; `name` is a template of `mails.send`."""
    if mails.mail_is_set_up():
        mails.send(name, to, detail=detail)
