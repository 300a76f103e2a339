"""The one way out: every outbound HTTP connection of the platform is opened here.

Each event loop has one pooled session. It reads no proxy variables, keeps no cookies, and opens
its sockets through `_open_socket`, which sees the very address that is about to be connected,
also when the URL names an address instead of a host.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import suppress
from enum import StrEnum
from urllib.parse import urlsplit

import aiohttp
from django.conf import settings
from yarl import URL

from restai_site.lib.errors import DomainError, Invalid

URL_MAX_LENGTH = 2048
SCHEMES = frozenset({"http", "https"})
# Shorter than the idle limit of most servers, so that a kept connection is seldom a dead one.
KEEP_ALIVE_SECONDS = 15
DNS_CACHE_SECONDS = 10
TCP_PROBE_AFTER_SECONDS = 60

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple]  # type: ignore[type-arg]  # as aiohttp declares it


class ConnectFailed(DomainError):
    """No connection could be made; only administrators choose these hosts."""

    code = "connect_failed"
    status = 502

    def __init__(self) -> None:
        super().__init__("No connection could be made: check host and port.")


class Purpose(StrEnum):
    """What a connection is for."""

    PROVIDER = "provider"
    FETCH = "fetch"
    MAIL = "mail"


_sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}
_lifetimes: dict[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = {}


def session() -> aiohttp.ClientSession:
    """Return the session of the running event loop. It is closed when the loop shuts down."""
    loop = asyncio.get_running_loop()
    current = _sessions.get(loop)
    if current is None or current.closed:
        current = _sessions[loop] = _new_session()
        _lifetimes[loop] = _begin_lifetime(loop, current)
    return current


def connect(host: str, port: int, *, purpose: Purpose, timeout: float) -> socket.socket:
    """Return a TCP connection to `host`.

    `timeout` bounds the attempt, in seconds, and stays set on the socket. Raises ConnectFailed.
    """
    try:
        return socket.create_connection((host, port), timeout=timeout)
    except (OSError, UnicodeError):
        raise ConnectFailed from None


async def close_all() -> None:
    """Close the session of the running loop; the next call of `session` opens a new one."""
    lifetime = _lifetimes.get(asyncio.get_running_loop())
    if lifetime is not None:
        await lifetime.aclose()


def check_url(url: str) -> str:
    """Return `url` when every parser reads it alike and it names a web server.

    Raises Invalid for control characters, spaces, backslashes, user-info, fragments, schemes other
    than http and https, and a missing or percent-encoded host. The address that the host resolves
    to is not looked at here, because it may be another one when the connection is made.
    """
    if len(url) > URL_MAX_LENGTH:
        raise Invalid(f"The address is longer than {URL_MAX_LENGTH} characters.")
    if not url.isprintable() or " " in url:
        raise Invalid("The address contains spaces or invisible characters.")
    if "\\" in url or "#" in url:
        raise Invalid("The address must not contain a backslash or a '#'.")
    _check_parts(url)
    return url


def _check_parts(url: str) -> None:
    try:
        parts, again = urlsplit(url), URL(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Invalid("The address is not a valid URL.") from None
    if parts.scheme not in SCHEMES:
        raise Invalid("The address must begin with http:// or https://.")
    if "@" in parts.netloc:
        raise Invalid("The address must not contain a user name or password.")
    if not host or "%" in host or not again.host:
        raise Invalid("The address names no host.")
    if port == 0 or (port is not None and port != again.port):
        raise Invalid("The port of the address is not valid.")


def _new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=settings.PROVIDER_CONNECTIONS,
            ttl_dns_cache=DNS_CACHE_SECONDS,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            socket_factory=_open_socket,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        # Whoever opens a connection states its limits; this is for the one that forgot.
        timeout=aiohttp.ClientTimeout(total=60, sock_connect=10),
    )


def _open_socket(address: AddressInfo) -> socket.socket:
    """Return the unconnected socket for `address`, the resolved one.

    An OSError raised here refuses the address: nothing has been sent to it yet.
    """
    family, kind, protocol, _, _ = address
    opened = socket.socket(family, kind, protocol)
    opened.setblocking(False)  # noqa: FBT003  positional-only
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, TCP_PROBE_AFTER_SECONDS)
    return opened


def _begin_lifetime(
    loop: asyncio.AbstractEventLoop, opened: aiohttp.ClientSession
) -> AsyncGenerator[None, None]:
    """Tie `opened` to `loop`.

    A loop that shuts down closes the generators that were begun in it (asyncio.run, async_to_sync
    and the web server all see to that): the one moment at which the session can still be closed.
    """

    async def lifetime() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if _sessions.get(loop) is opened:
                del _sessions[loop], _lifetimes[loop]
            await opened.close()

    generator = lifetime()
    with suppress(StopIteration):
        # Runs to the yield, which awaits nothing.
        generator.__anext__().send(None)
    return generator
