"""A mail server on loopback that speaks real SMTP (RFC 5321), TLS and STARTTLS.

`behaviour` chooses a misbehaviour:

    no-starttls, no-auth    does not offer it
    refuse-sender, refuse-recipient, refuse-mail
    busy                    greets with 421
    silent                  accepts the connection and says nothing
    dribble                 greets with a byte every tenth of a second, without end
    hang-up                 closes instead of answering EHLO
    another-protocol        greets as SSH does
    odd-challenge           asks for a log-in with what is no base64
    rude-goodbye            answers QUIT with an error
"""

import base64
import contextlib
import socketserver
import ssl
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self

from restai_site.tests.loopback import loopback_port

USER, PASSWORD = "restai", "a secret of the mail server"


@dataclass
class Received:
    """A mail as it came in."""

    sender: str
    recipients: list[str]
    encrypted: bool
    user: str
    content: bytes = b""

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=policy.default)


@dataclass
class Session:
    """What a client has said so far."""

    encrypted: bool = False
    user: str = ""
    sender: str = ""
    recipients: list[str] = field(default_factory=list)


class MailServer:
    """Runs in a thread; use as a context manager. `commands` holds what clients have said."""

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, implicit: bool = False, behaviour: str = ""
    ) -> None:
        self.tls, self.implicit, self.behaviour = tls, implicit, behaviour
        self.mails: list[Received] = []
        self.commands: list[str] = []
        self.connections = 0

    def __enter__(self) -> Self:
        server = self
        handler = type("Handler", (_Handler,), {"mail_server": server})
        self._server = _Server(("127.0.0.1", loopback_port()), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Handler(socketserver.StreamRequestHandler):
    mail_server: MailServer

    def handle(self) -> None:
        self.mail_server.connections += 1
        self.session = Session()
        # Clients that hang up are part of the tests.
        with contextlib.suppress(OSError):
            if self.mail_server.implicit:
                self._encrypt()
            if self._greet():
                while line := self.rfile.readline(2000):
                    if not self._obey(line.decode().rstrip("\r\n")):
                        return

    def _greet(self) -> bool:
        match self.mail_server.behaviour:
            case "silent":
                self.rfile.read()
            case "dribble":
                while True:
                    self.wfile.write(b"2")
                    time.sleep(0.1)
            case "another-protocol":
                self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
            case "busy":
                self._say("421 too busy")
                return False
            case _:
                self._say("220 test ESMTP")
        return True

    def _obey(self, line: str) -> bool:
        self.mail_server.commands.append(line)
        verb, _, rest = line.partition(" ")
        obey = getattr(self, f"_{verb.lower()}", None)
        if obey is None:
            self._say("502 unknown")
            return True
        return obey(rest) is not False

    def _ehlo(self, _: str) -> bool:
        behaviour = self.mail_server.behaviour
        if behaviour == "hang-up":
            return False
        offers = ["8BITMIME"]
        upgradable = self.mail_server.tls and not self.session.encrypted
        if upgradable and behaviour != "no-starttls":
            offers.append("STARTTLS")
        if behaviour != "no-auth":
            offers.append("AUTH LOGIN" if behaviour == "odd-challenge" else "AUTH PLAIN")
        for offer in ["test", *offers[:-1]]:
            self._say(f"250-{offer}")
        self._say(f"250 {offers[-1]}")
        return True

    def _starttls(self, _: str) -> None:
        self._say("220 go ahead")
        self._encrypt()

    def _auth(self, rest: str) -> None:
        if self.mail_server.behaviour == "odd-challenge":
            self._say("334 A")
            self.rfile.readline()
            return
        _, user, password = base64.b64decode(rest.split(" ")[1]).decode().split("\0")
        if (user, password) == (USER, PASSWORD):
            self.session.user = user
            self._say("235 welcome")
        else:
            self._say(f"535 {password} is wrong")

    def _mail(self, rest: str) -> None:
        self.session.sender = rest.partition("<")[2].partition(">")[0]
        self._say_unless("refuse-sender", "550 not from there")

    def _rcpt(self, rest: str) -> None:
        self.session.recipients.append(rest.partition("<")[2].partition(">")[0])
        self._say_unless("refuse-recipient", "550 nobody\x1b of that name")

    def _data(self, _: str) -> None:
        self._say("354 go ahead")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        said = self.session
        mail = Received(said.sender, said.recipients, said.encrypted, said.user, b"".join(lines))
        if self.mail_server.behaviour != "refuse-mail":
            self.mail_server.mails.append(mail)
        self._say_unless("refuse-mail", "554 spam")
        said.recipients = []

    def _rset(self, _: str) -> None:
        self._say("250 ok")

    def _quit(self, _: str) -> bool:
        self._say("500 no" if self.mail_server.behaviour == "rude-goodbye" else "221 bye")
        return False

    def _encrypt(self) -> None:
        self.connection = self.mail_server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.session.encrypted = True

    def _say_unless(self, behaviour: str, otherwise: str) -> None:
        self._say(otherwise if self.mail_server.behaviour == behaviour else "250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
