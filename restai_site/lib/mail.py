"""Outgoing mail: its settings, and Django's e-mail backend that reads them when it sends.

A session with the mail server is judged by `restai_site.lib.egress` before it begins, verifies the
server's certificate, and ends in time whatever the server does.
"""

import copy
import logging
import smtplib
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from email.utils import formataddr
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import sanitize_address
from django.core.validators import validate_email

from restai_site.lib import egress
from restai_site.lib.actor import Actor
from restai_site.lib.configuration import Choice, Number, Secret, Section, Text, current
from restai_site.lib.errors import DomainError, Invalid, MailFailed, Unavailable

logger = logging.getLogger(__name__)
# For each step: to connect, to agree on TLS, to answer a command.
STEP_SECONDS = 10
# For all steps of a session together, so that a server that dribbles holds nobody up.
SESSION_SECONDS = 60
REPLY_SHOWN = 200
HUNG_UP = "The mail server hung up, or took too long: check the port and the security."
READY = 220


def _host(value: str) -> str:
    return egress.check_server(value, example="smtp.example.org")


def _address(value: str) -> str:
    try:
        if value:
            validate_email(value)
            value.encode("ascii")
    except (ValidationError, UnicodeError):
        raise Invalid("Enter an e-mail address such as restai@example.org.") from None
    return value


def _ascii(value: str) -> str:
    if not value.isascii():
        raise Invalid("Mail servers take no letters beyond ASCII here.")
    return value


class MailSection(Section):
    """The server that sends the platform's mail."""

    slug = "mail"
    title = "Mail"
    lede = "The server through which mail is sent, and the address it comes from."
    order = 10
    test_label = "Send a test mail"
    keys_may_change = False

    host = Text(
        label="Server",
        explanation="Its name or address. Without one, no mail is sent.",
        variable="SMTP_HOST",
        check=_host,
    )
    port = Number(
        587,
        least=1,
        most=65535,
        label="Port",
        explanation="Usually 587 with STARTTLS, 465 with TLS.",
        variable="SMTP_PORT",
    )
    security = Choice(
        "starttls",
        choices=[
            ("starttls", "STARTTLS: begins openly, then encrypts"),
            ("tls", "TLS: encrypted from the first byte"),
            ("none", "None: everything travels in clear text"),
        ],
        label="Security",
        explanation="The certificate of the server is verified.",
        variable="SMTP_SECURITY",
    )
    username = Text(
        label="User name",
        explanation="Empty where the server asks for none.",
        variable="SMTP_USERNAME",
        check=_ascii,
    )
    password = Secret(
        label="Password",
        sent_to=("host", "port", "security"),
        variable="SMTP_PASSWORD",
        check=_ascii,
    )
    from_address = Text(
        label="Sender's address",
        explanation="What mail comes from. The server must accept it.",
        variable="SMTP_FROM_ADDRESS",
        check=_address,
    )
    from_name = Text(
        "RESTai",
        max_length=100,
        label="Sender's name",
        explanation="What people read beside the address.",
        variable="SMTP_FROM_NAME",
    )

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> None:
        """Raise Invalid for a server without an address to send from."""
        if values["host"] and not values["from_address"]:
            message = "Enter the address that mail comes from."
            raise Invalid(message, fields={"from_address": [message]})

    def test(self, actor: Actor) -> str:
        """Send a mail to the administrator's own address."""
        if not actor.email:
            raise Invalid("A test mail goes to your own address, and you have none.")
        message = EmailMessage(
            subject="Test mail",
            body=f"This mail was sent by {settings.PUBLIC_URL} to test its mail settings.",
            to=[actor.email],
        )
        message.send()
        return f"The server has taken a mail to {actor.email}. Look whether it arrives."

    def sender(self) -> str:
        """Return what stands in the header From. Raises Unavailable where nothing is set up."""
        if not self.host or not self.from_address:
            raise Unavailable(
                "No mail can be sent: an administrator has to enter a mail server in the settings.",
                code="mail_not_set_up",
            )
        return formataddr((self.from_name, self.from_address))


class Backend(BaseEmailBackend):
    """Sends by the settings of MailSection, from its address whatever the message says.

    Raises DomainErrors, in words for administrators.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send all messages in one session and return their number."""
        try:
            mail = current(MailSection)
            sent = [_from(mail.sender(), message) for message in email_messages]
            if sent:
                _send(mail, sent)
        except DomainError:
            if not self.fail_silently:
                raise
            logger.warning("Mail was not sent.", exc_info=True)
            return 0
        return len(sent)


def _from(sender: str, message: EmailMessage) -> EmailMessage:
    message = copy.copy(message)
    message.from_email = sender
    others = message.extra_headers.items()
    message.extra_headers = {name: text for name, text in others if name.lower() != "from"}
    return message


def _send(mail: MailSection, messages: Sequence[EmailMessage]) -> None:
    ready = [_recipients_and_content(message) for message in messages]
    with _session(mail) as smtp:
        for recipients, content in ready:
            smtp.sendmail(mail.from_address, recipients, content)


def _recipients_and_content(message: EmailMessage) -> tuple[list[str], bytes]:
    try:
        recipients = [sanitize_address(address, "utf-8") for address in message.recipients()]
        content: Any = message.message()
        return recipients, content.as_bytes(linesep="\r\n")
    except ValueError:
        # Line ends in a subject or a name would begin headers of the sender's own.
        raise Invalid("A subject, name or address of the mail holds what it must not.") from None


class _Session(smtplib.SMTP):
    """A session whose connection is opened by the one way out."""

    def __init__(self, mail: MailSection) -> None:
        name = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
        super().__init__(local_hostname=name, timeout=STEP_SECONDS)
        # By this name the certificate is verified.
        self._host = mail.host
        self._mail = mail
        self._tls = egress.tls_context("smtp")

    def begin(self) -> None:
        """Connect, encrypt and sign in as the settings say."""
        code, _ = self.connect(self._mail.host, self._mail.port)
        if code != READY:
            raise MailFailed("What answers at this host and port is no mail server that is ready.")
        self.ehlo()
        if self._mail.security == "starttls":
            self._begin_tls()
        if self._mail.username:
            self._sign_in()

    def cut(self) -> None:
        """End the session from another thread, whatever it waits for."""
        if isinstance(self.sock, socket.socket):
            with suppress(OSError):  # it has ended by itself
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        opened = egress.connect(host, port, purpose=egress.Purpose.MAIL, timeout=timeout)
        if self._mail.security != "tls":
            return opened
        return self._tls.wrap_socket(opened, server_hostname=host)

    def _begin_tls(self) -> None:
        if not self.has_extn("starttls"):
            raise MailFailed(
                "The mail server offers no STARTTLS at this port: choose another security or port."
            )
        self.starttls(context=self._tls)
        self.ehlo()

    def _sign_in(self) -> None:
        if not self.has_extn("auth"):
            raise MailFailed("The mail server takes no user name here: remove it.")
        self.login(self._mail.username, self._mail.password)


@contextmanager
def _session(mail: MailSection) -> Iterator[_Session]:
    smtp = _Session(mail)
    timer = Timer(SESSION_SECONDS, smtp.cut)
    timer.daemon = True
    timer.start()
    try:
        with _explained(mail):
            smtp.begin()
            yield smtp
        # What has been accepted is accepted, whatever the server says to this.
        with suppress(OSError):
            smtp.quit()
    finally:
        timer.cancel()
        smtp.close()


@contextmanager
def _explained(mail: MailSection) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        # The errors of smtplib and ssl are OSErrors; an answer in no known form is a ValueError.
        raise MailFailed(_words(error, mail)) from None


def _words(error: OSError | ValueError, mail: MailSection) -> str:
    if isinstance(error, smtplib.SMTPException):
        return _words_of_server(error)
    # Those of ssl are OSErrors and ValueErrors too.
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the mail server is not valid: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return (
            f"“{mail.host}” does not speak TLS so at port {mail.port}: choose another security or "
            "port."
        )
    return HUNG_UP if isinstance(error, OSError) else "The mail server answers what is no answer."


def _words_of_server(error: smtplib.SMTPException) -> str:
    # The reply to a failed log-in is left out: it may repeat what was sent.
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"The mail server refuses the user name or the password ({error.smtp_code})."
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return HUNG_UP
    if isinstance(error, smtplib.SMTPSenderRefused):
        return f"The mail server refuses the sender's address{_reply(error)}."
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, reply = next(iter(error.recipients.values()))
        refusal = smtplib.SMTPResponseException(code, reply)
        return f"The mail server refuses the recipient{_reply(refusal)}."
    if isinstance(error, smtplib.SMTPResponseException):
        return f"The mail server refuses the mail{_reply(error)}."
    return "The mail server offers no way to sign in that is known here."


def _reply(error: smtplib.SMTPResponseException) -> str:
    raw = error.smtp_error
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    shown = "".join(c if c.isprintable() else " " for c in text)[:REPLY_SHOWN].strip()
    return f" ({error.smtp_code} {shown})" if shown else f" ({error.smtp_code})"
