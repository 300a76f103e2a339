"""The ways to a destination: standard output, a webhook, a bucket, a syslog server.

Each sends a batch whole or raises SendFailed; whoever sends again sends the same, and receivers
tell by `metadata.uid` and the number of the seal what they have already.
"""

import asyncio
import hashlib
import hmac
import socket
import ssl
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import orjson
from django.conf import settings
from yarl import URL

from audit.chain.content import moment
from audit.forwarding.events import Batch
from audit.forwarding.section import ForwardingSection
from audit.forwarding.signing import Signer
from restai_site.lib import egress
from restai_site.lib.errors import DomainError

SECONDS = 15.0
TIMEOUT = aiohttp.ClientTimeout(total=SECONDS)
# RFC 5424, section 6.2.1: facility 13 is the log audit; severities of warnings and information.
FACILITY, WARNING, INFORMATION = 13, 4, 6
APP_NAME = "restai"
WEBHOOK, SYSLOG, STDOUT, BUCKET = "webhook", "syslog", "stdout", "bucket"


class SendFailed(DomainError):
    """A destination did not take what was sent."""

    code = "forwarding_failed"
    status = 502


class Destination(Protocol):
    """A place that takes batches."""

    @property
    def kind(self) -> str:
        """Its name; there is one of each kind."""

    def send(self, batch: Batch) -> None:
        """Send a batch. Raises SendFailed, in words and without secrets."""


def destinations(section: ForwardingSection) -> list[Destination]:
    """Return the places that are set up."""
    found: list[Destination] = []
    if section.to_stdout:
        found.append(Stdout())
    if section.webhook_url:
        found.append(Webhook(section.webhook_url, section.webhook_secret))
    if section.syslog_host:
        is_secure = section.syslog_security != "none"
        found.append(Syslog(section.syslog_host, section.syslog_port, is_secure))
    if section.s3_url:
        names = ("s3_url", "s3_region", "s3_access_key", "s3_secret_key")
        found.append(Bucket(*(getattr(section, name) for name in names)))
    return found


@dataclass(frozen=True, slots=True)
class Stdout:
    """Lines of JSON on the standard output of this process."""

    kind = STDOUT

    def send(self, batch: Batch) -> None:
        """Write one line for each event, and one for the seal."""
        lines = [event.said for event in batch.events] + [{"checkpoint": batch.checkpoint}]
        try:
            sys.stdout.write("".join(orjson.dumps(line).decode() + "\n" for line in lines))
            sys.stdout.flush()
        except OSError as error:
            raise SendFailed(f"Standard output cannot be written: {error.strerror}.") from None


@dataclass(frozen=True, slots=True)
class Webhook:
    """A web server that takes POST requests, signed with a shared secret."""

    url: str
    secret: str
    kind = WEBHOOK

    def send(self, batch: Batch) -> None:
        """Send one request; an answer of 200 to 299 says that it was taken."""
        body = body_of(batch)
        headers = {"Content-Type": "application/json", **self.signature(body, int(time.time()))}
        deliver("webhook", "POST", self.url, body, headers)

    def signature(self, body: bytes, timestamp: int) -> dict[str, str]:
        """Return the headers by which the receiver knows who has sent `body`, and when."""
        signed = f"{timestamp}.".encode() + body
        code = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        return {"X-RESTai-Timestamp": str(timestamp), "X-RESTai-Signature": f"v1={code}"}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that speaks the API of S3: an object for each seal."""

    url: str
    region: str
    access_key: str
    secret_key: str
    kind = BUCKET

    def send(self, batch: Batch) -> None:
        """Put one object, named by the number of the seal."""
        url = f"{self.url.rstrip('/')}/seal-{batch.number:012d}.json"
        body = body_of(batch)
        signer = Signer(self.access_key, self.secret_key, self.region)
        # Buckets that lock their objects, as ours should, take none without it.
        digest = hashlib.md5(body, usedforsecurity=False).digest()
        given = {"content-type": "application/json", "content-md5": b64encode(digest).decode()}
        deliver("bucket", "PUT", url, body, signer.headers("PUT", url, body, given))


def body_of(batch: Batch) -> bytes:
    """Return a batch as one JSON object."""
    events = [event.said for event in batch.events]
    said = {"seal": batch.number, "events": events, "checkpoint": batch.checkpoint}
    return orjson.dumps(said)


def deliver(name: str, method: str, url: str, body: bytes, headers: dict[str, str]) -> None:
    """Send one request. Raises SendFailed unless it is answered with 200 to 299."""
    try:
        status = asyncio.run(_answered(method, url, body, headers))
    except (aiohttp.ClientError, OSError, TimeoutError, DomainError) as error:
        raise SendFailed(f"The {name} was not reached: {type(error).__name__}.") from None
    if not 200 <= status < 300:
        raise SendFailed(f"The {name} answered {status}.")


async def _answered(method: str, url: str, body: bytes, headers: dict[str, str]) -> int:
    options: dict[str, Any] = {"data": body, "headers": headers}
    try:
        response = await egress.request(
            method,
            URL(url, encoded=True),
            purpose=egress.Purpose.AUDIT,
            time_limits=TIMEOUT,
            **options,
        )
        response.release()
        return response.status
    finally:
        await egress.close_all()


@dataclass(frozen=True, slots=True)
class Syslog:
    """A syslog server: RFC 5424 in frames that say their length (RFC 5425, RFC 6587)."""

    host: str
    port: int
    is_secure: bool
    kind = SYSLOG

    def send(self, batch: Batch) -> None:
        """Send one message for each event, and one for the seal, over one connection."""
        frames = b"".join(self._frames(batch))
        try:
            with self._connected() as opened:
                opened.sendall(frames)
                # What was not sent yet goes before the connection is closed.
                opened.shutdown(socket.SHUT_WR)
        except DomainError as error:
            raise SendFailed(error.message) from None
        except (OSError, ssl.SSLError) as error:
            reason = type(error).__name__
            raise SendFailed(f"The syslog server did not take it: {reason}.") from None

    def _connected(self) -> Any:
        purpose = egress.Purpose.AUDIT
        plain = egress.connect(self.host, self.port, purpose=purpose, timeout=SECONDS)
        if not self.is_secure:
            return plain
        try:
            return egress.tls_context("syslog").wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise

    def _frames(self, batch: Batch) -> Iterator[bytes]:
        for event in batch.events:
            severity = WARNING if event.is_warning else INFORMATION
            yield _frame(severity, event.at, "audit", event.said)
        yield _frame(INFORMATION, batch.at, "checkpoint", batch.checkpoint)


def _frame(severity: int, at: datetime, name: str, said: dict[str, Any]) -> bytes:
    """Return a message with its length before it. The text is UTF-8, which the mark says."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "-"
    head = f"<{FACILITY * 8 + severity}>1 {moment(at)} {host} {APP_NAME} - {name} - \ufeff"
    message = head.encode() + orjson.dumps(said)
    return str(len(message)).encode() + b" " + message
