"""The mails of this app, in plain words."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from restai_site.lib.configuration import current
from restai_site.lib.mail import MailSection


def mail_is_set_up() -> bool:
    """Tell whether there is a mail server to send by."""
    mail = current(MailSection)
    return bool(mail.host and mail.from_address)


def send(name: str, to: str, *, folder: str = "accounts", **context: Any) -> None:
    """Send the mail `templates/<folder>/mail/<name>.txt`, whose first line is the subject.

    Never in a transaction: it waits for the mail server. Raises MailFailed, Unavailable.
    """
    shown = {**context, "place": settings.PUBLIC_URL}
    text = render_to_string(f"{folder}/mail/{name}.txt", shown)
    subject, _, body = text.partition("\n")
    EmailMessage(subject=subject, body=body.lstrip("\n"), to=[to]).send()
