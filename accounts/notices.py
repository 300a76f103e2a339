"""Mails that tell people what was done to their account."""

import logging

from django.db import transaction

from restai_site.lib.background import send
from restai_site.lib.errors import Unavailable

logger = logging.getLogger(__name__)


def tell(name: str, to: str, detail: str = "") -> None:
    """Mail the notice `name`, a template of `mails.send`, once the transaction is committed.

    What was done is done, and in the audit trail: where the queue cannot be reached, the log says
    that the person was not told.
    """
    transaction.on_commit(lambda: _queue(name, to, detail))


def _queue(name: str, to: str, detail: str) -> None:
    from accounts.tasks import mail_notice

    try:
        send(mail_notice, name, to, detail)
    except Unavailable:
        logger.exception("The notice “%s” could not be queued.", name)
