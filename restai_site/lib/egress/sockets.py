"""Connections that speak another protocol than HTTP, for synchronous code."""

import re
import socket
import time
from ipaddress import IPv6Address

from restai_site.lib.configuration import current
from restai_site.lib.egress.network import NetworkSection, Purpose
from restai_site.lib.egress.sessions import LISTED, PUBLIC_ONLY, judge
from restai_site.lib.errors import DomainError, Invalid

SERVER_NAME = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}")


class ConnectFailed(DomainError):
    """No connection could be made; only administrators choose these hosts."""

    code = "connect_failed"
    status = 502

    def __init__(self) -> None:
        super().__init__(
            "No connection could be made: check host and port, and list an internal host under "
            "Settings, Network."
        )


def check_server(host: str, *, example: str) -> str:
    """Return `host` when it is a name, an address or empty. Raises Invalid, naming `example`."""
    if not host or SERVER_NAME.fullmatch(host):
        return host
    try:
        return str(IPv6Address(host))
    except ValueError:
        raise Invalid(f"Enter a host name such as {example}, or an IP address.") from None


def connect(host: str, port: int, *, purpose: Purpose, timeout: float) -> socket.socket:
    """Return a TCP connection to `host`, whose every address has been judged.

    `timeout`, in seconds, bounds the attempts to connect together, and stays set on the socket; how
    long a name server is waited for is the system's to say. Raises ConnectFailed.
    """
    target = (host.lower().rstrip("."), port)
    allowed = LISTED if target in current(NetworkSection).listed[purpose] else PUBLIC_ONLY
    end = time.monotonic() + timeout
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        judge([str(entry[4][0]) for entry in found], allowed)
    except (OSError, UnicodeError):
        raise ConnectFailed from None
    for family, kind, protocol, _, address in found:
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(max(end - time.monotonic(), 0.001))
            opened.connect(address)
            opened.settimeout(timeout)
        except OSError:
            opened.close()
        else:
            return opened
    raise ConnectFailed
