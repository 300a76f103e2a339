"""The mails of this app, in plain words."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from restai_site.lib.configuration import current
from restai_site.lib.mail import MailSection

SUBJECTS = {
    "address_changed": "Your e-mail address was changed",
    "address_change_asked": "A new e-mail address for your account",
    "address_link": "Confirm your e-mail address",
    "factor_added": "Second factor added",
    "factor_removed": "Second factor removed",
    "factors_reset": "Second factors reset",
    "factors_reset_and_password": "Second factors reset",
    "invitation": "You are invited",
    "invitation_to_provider": "You are invited",
    "password_changed": "Your password was changed",
    "reset": "Choose a new password",
}


def mail_is_set_up() -> bool:
    """Tell whether there is a mail server to send by."""
    mail = current(MailSection)
    return bool(mail.host and mail.from_address)


def send(name: str, to: str, **context: Any) -> None:
    """Send the mail `templates/accounts/mail/<name>.txt`. Raises MailFailed, Unavailable.

    Never in a transaction: it waits for the mail server.
    """
    shown = {**context, "place": settings.PUBLIC_URL}
    body = render_to_string(f"accounts/mail/{name}.txt", shown)
    EmailMessage(subject=SUBJECTS[name], body=body, to=[to]).send()
