"""Mails that tell people what was done to their account."""

import logging

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from kombu.exceptions import OperationalError

from accounts.models import User
from restai_site.lib.configuration import current
from restai_site.lib.mail import MailSection

logger = logging.getLogger(__name__)


def tell(user: User, subject: str, text: str) -> None:
    """Mail `text` to the user once the transaction is committed; the background sends it."""
    transaction.on_commit(lambda: _queue(user.email, subject, text))


def send(to: str, subject: str, text: str) -> None:
    """Send a mail, where there is a server to send it by. Raises MailFailed."""
    mail = current(MailSection)
    if not mail.host or not mail.from_address:
        return
    body = f"{text}\n\nThis is about your account at {settings.PUBLIC_URL}."
    EmailMessage(subject=subject, body=body, to=[to]).send()


def _queue(to: str, subject: str, text: str) -> None:
    from accounts.tasks import send_notice

    try:
        send_notice.apply_async((to, subject, text), retry=False)
    except OperationalError:
        # What was done is done, and in the audit trail; the person is not told by mail.
        logger.exception("A notice could not be queued.")
