"""Requests to other servers: judged, capped, and without the credentials of another origin."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from restai_site.lib.configuration import fresh
from restai_site.lib.egress.network import NetworkSection, Purpose, is_literal
from restai_site.lib.egress.sessions import PUBLIC_ONLY, AddressRefused, judge, session
from restai_site.lib.egress.urls import check_url, is_web_port, target_of
from restai_site.lib.errors import DomainError

REDIRECTS_MAX = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Kept when a redirect leads to another origin; everything else a caller sent may be a credential.
HARMLESS_HEADERS = frozenset({"accept", "accept-encoding", "accept-language", "user-agent"})
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# What is unpacked here, piece by piece; anything else, also one packing in another, is refused.
ENCODINGS = frozenset({"identity", "gzip", "deflate"})
NOT_FETCHED = (
    "The address could not be fetched: check that it is public, answers within a few seconds, and "
    "is not too large."
)
FAILURES = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a fetch may cost: seconds, and bytes of the body after decompression."""

    connect_seconds: float = 5
    total_seconds: float = 15
    max_bytes: int = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer, read to its end. `url` is where it came from, after redirects."""

    url: str
    status: int
    content_type: str
    content: bytes


class FetchFailed(DomainError):
    """The address gave nothing that could be used.

    One sentence for all reasons: whoever chose the address must not learn from it which hosts and
    ports of the network exist.
    """

    code = "fetch_failed"
    status = 400

    def __init__(self, message: str = NOT_FETCHED, **details: Any) -> None:
        super().__init__(message, **details)


async def choose_session(url: URL, purpose: Purpose) -> aiohttp.ClientSession:
    """Return the session that may send a request to `url` now.

    Raises AddressRefused for addresses and ports that the purpose does not allow. What a name
    resolves to is judged by the session itself when it connects.
    """
    target = target_of(url)
    if target in (await fresh(NetworkSection)).listed[purpose]:
        return session(listed=True)
    if not is_web_port(target[1]):
        raise AddressRefused
    if is_literal(target[0]):
        judge([target[0]], PUBLIC_ONLY)
    return session()


async def request(
    method: str, url: URL, *, purpose: Purpose, time_limits: aiohttp.ClientTimeout, **options: Any
) -> aiohttp.ClientResponse:
    """Send a request and return the answer, its body not yet read; redirects are not followed.

    `url` has passed `check_url`. `options` are those of aiohttp's `ClientSession.request`. Raises
    AddressRefused and what aiohttp raises.
    """
    chosen = await choose_session(url, purpose)
    return await chosen.request(method, url, timeout=time_limits, allow_redirects=False, **options)


async def fetch(
    url: str,
    *,
    purpose: Purpose,
    headers: Mapping[str, str] | None = None,
    limits: Limits = Limits(),
) -> Fetched:
    """Return what a GET of `url` answers, after at most 5 redirects, each judged like the first.

    Raises Invalid for an address that is malformed, FetchFailed in every other case in which there
    is no complete answer.
    """
    at = URL(check_url(url)).with_fragment(None)
    try:
        async with asyncio.timeout(limits.total_seconds):
            sent = CIMultiDict(headers or {}, **{"Accept-Encoding": "gzip, deflate"})
            return await _follow(at, purpose, sent, limits)
    except FAILURES:
        raise FetchFailed from None


async def _follow(at: URL, purpose: Purpose, headers: CIMultiDict[str], limits: Limits) -> Fetched:
    timeout = aiohttp.ClientTimeout(total=limits.total_seconds, sock_connect=limits.connect_seconds)
    for _ in range(REDIRECTS_MAX + 1):
        response = await request("GET", at, purpose=purpose, time_limits=timeout, headers=headers)
        try:
            if response.status < 200:
                raise FetchFailed
            location = response.headers.get("Location")
            if response.status not in REDIRECTS or location is None:
                content = await _body(response, limits.max_bytes)
                return Fetched(str(at), response.status, response.content_type, content)
        finally:
            # What is left of the body would have to be read before the connection is used again.
            response.close()
        there = _next(at, location)
        if there.origin() != at.origin():
            headers = CIMultiDict(
                {name: value for name, value in headers.items() if name.lower() in HARMLESS_HEADERS}
            )
        at = there
    raise FetchFailed


def _next(at: URL, location: str) -> URL:
    """Return where `location` leads, when it would also be allowed as a first address."""
    if not location.isprintable() or " " in location or "\\" in location:
        raise FetchFailed
    try:
        # As it came: joining may write it anew. A relative one may hold an address in its query.
        if ABSOLUTE.match(location):
            check_url(location)
        return URL(check_url(str(at.join(URL(location))))).with_fragment(None)
    except (DomainError, ValueError):
        raise FetchFailed from None


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the decompressed body, which is read piece by piece and never beyond `limit`."""
    if response.headers.get("Content-Encoding", "identity").lower() not in ENCODINGS:
        raise FetchFailed
    pieces, size = [], 0
    while chunk := await response.content.readany():
        size += len(chunk)
        if size > limit:
            raise FetchFailed
        pieces.append(chunk)
    return b"".join(pieces)
