"""The pooled HTTP sessions, each of which connects only where its kind may.

Every event loop has two: one that connects to public addresses alone, and one for hosts that an
administrator has listed, which also connects to internal ones. A pooled connection is therefore
always one that was judged under the rules of its session, and which session serves a request is
decided anew for each request.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver
from django.conf import settings

from restai_site.lib.egress.addresses import Reach, reach_of

# Shorter than the idle limit of most servers, so that a kept connection is seldom a dead one.
KEEP_ALIVE_SECONDS = 15
DNS_CACHE_SECONDS = 10
TCP_PROBE_AFTER_SECONDS = 60
HEADER_LINE_MAX_BYTES = 8190
HEADERS_MAX = 100
PUBLIC_ONLY = frozenset({Reach.PUBLIC})
LISTED = frozenset({Reach.PUBLIC, Reach.INTERNAL})

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple]  # type: ignore[type-arg]  # as aiohttp declares it


class AddressRefused(OSError):
    """The platform may not connect to this address, or to what its host resolves to."""

    def __init__(self, reason: str = "The platform may not connect to this address.") -> None:
        super().__init__(reason)


class JudgingResolver(ThreadedResolver):
    """Resolves as the system does, and refuses a name when any of its addresses is refused."""

    def __init__(self, allowed: frozenset[Reach]) -> None:
        super().__init__()
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`. Raises AddressRefused, OSError where there is none."""
        try:
            found = await super().resolve(host, port, family)
        except UnicodeError:
            raise AddressRefused("No name server can be asked for this host.") from None
        judge([entry["host"] for entry in found], self._allowed)
        return found


# What is open, by event loop.
_sessions: dict[asyncio.AbstractEventLoop, dict[bool, aiohttp.ClientSession]] = {}
_lifetimes: dict[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = {}


def session(*, listed: bool = False) -> aiohttp.ClientSession:
    """Return a session of the running event loop. It is closed when the loop shuts down.

    `listed` chooses the one for hosts that an administrator has listed.
    """
    loop = asyncio.get_running_loop()
    opened = _sessions.get(loop)
    if opened is None:
        opened = _sessions[loop] = {}
        _lifetimes[loop] = _begin_lifetime(loop)
    current = opened.get(listed)
    if current is None or current.closed:
        current = opened[listed] = _new_session(LISTED if listed else PUBLIC_ONLY)
    return current


async def close_all() -> None:
    """Close the sessions of the running loop; the next call of `session` opens new ones."""
    lifetime = _lifetimes.get(asyncio.get_running_loop())
    if lifetime is not None:
        await lifetime.aclose()


def judge(addresses: list[str], allowed: frozenset[Reach]) -> None:
    """Raise AddressRefused unless every one of `addresses` is allowed."""
    if not addresses or any(reach_of(address) not in allowed for address in addresses):
        raise AddressRefused


def _new_session(allowed: frozenset[Reach]) -> aiohttp.ClientSession:
    def open_socket(address: AddressInfo) -> socket.socket:
        return _open_socket(address, allowed)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=settings.PROVIDER_CONNECTIONS,
            ttl_dns_cache=DNS_CACHE_SECONDS,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            resolver=JudgingResolver(allowed),
            socket_factory=open_socket,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        max_line_size=HEADER_LINE_MAX_BYTES,
        max_field_size=HEADER_LINE_MAX_BYTES,
        max_headers=HEADERS_MAX,
        # Whoever opens a connection states its limits; this is for the one that forgot.
        timeout=aiohttp.ClientTimeout(total=60, sock_connect=10),
    )


def _open_socket(address: AddressInfo, allowed: frozenset[Reach]) -> socket.socket:
    """Return the unconnected socket for `address`, the very one that is about to be connected.

    The last gate: a URL may name an address instead of a host, and then nothing is resolved.
    Raises AddressRefused; nothing has been sent to the address yet.
    """
    family, kind, protocol, _, destination = address
    judge([str(destination[0])], allowed)
    opened = socket.socket(family, kind, protocol)
    opened.setblocking(False)  # noqa: FBT003  positional-only
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, TCP_PROBE_AFTER_SECONDS)
    return opened


def _begin_lifetime(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None]:
    """Tie the sessions of `loop` to it.

    A loop that shuts down closes the generators that were begun in it (asyncio.run, async_to_sync
    and the web server all see to that): the one moment at which a session can still be closed.
    """

    async def lifetime() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            _lifetimes.pop(loop, None)
            for opened in _sessions.pop(loop, {}).values():
                await opened.close()

    generator: Any = lifetime()
    with suppress(StopIteration):
        # Runs to the yield, which awaits nothing.
        generator.__anext__().send(None)
    return generator  # type: ignore[no-any-return]
