"""What people find in their mail."""

import re
from contextlib import contextmanager

from django.conf import settings
from django.core import mail

from restai_site.lib.configuration import overridden
from restai_site.lib.mail import MailSection
from restai_site.tests.background import run_queued


@contextmanager
def mail_set_up():
    """Let the platform have a mail server inside; Django's outbox of tests stands behind it."""
    with overridden(MailSection, host="smtp.example.org", from_address="restai@example.org"):
        yield


def delivered():
    """Run what is queued and return the mails that came of it."""
    before = len(mail.outbox)
    run_queued()
    return mail.outbox[before:]


def link_in(message):
    """Return the path of the one link in a mail; it begins with PUBLIC_URL."""
    (address,) = re.findall(r"https?://\S+/\S+", message.body)
    assert address.startswith(f"{settings.PUBLIC_URL}/")
    return address.removeprefix(settings.PUBLIC_URL)


def token_in(message):
    """Return the token of the link in a mail."""
    return link_in(message).rpartition("/")[2]
