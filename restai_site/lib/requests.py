"""What a request tells about its sender."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from django.conf import settings
from django.http import HttpRequest

from restai_site.lib.actor import Actor

# Where files of sound come in, which are larger than anything else.
SOUND_PATH = "/v1/audio/transcriptions"
# Where files of labelled texts come in, of 5 MB at most, and what a form puts around one.
SET_PATH = "/guards/bench/sets/new"
SET_REQUEST_MAX_BYTES = 5_100_000
# What one subscriber has at least, and may choose from as they like (RFC 6177, section 2).
IPV6_NETWORK_BITS = 64


def body_limit(path: str) -> int:
    """Return how many bytes the body of a request to `path` may have."""
    if path == SOUND_PATH:
        return settings.AUDIO_REQUEST_MAX_BYTES
    if path == SET_PATH:
        return max(SET_REQUEST_MAX_BYTES, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def client_ip(request: HttpRequest) -> str | None:
    """Return the client's address, or None when it cannot be told.

    X-Forwarded-For is believed only as far as TRUSTED_PROXY_COUNT proxies wrote it: the entry that
    many places from the right end. IPv4 is spelled as such, whatever the socket calls it.
    """
    address = request.META.get("REMOTE_ADDR", "")
    hops = settings.TRUSTED_PROXY_COUNT
    if hops:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        address = forwarded[-hops].strip() if len(forwarded) >= hops else address
    try:
        return str(address_of(address))
    except ValueError:
        return None


def counted_as(ip: str | None) -> str:
    """Return by what the requests of an address are counted: its owner may have others of it.

    `ip` is what `client_ip` has found. IPv6 is counted by networks of /64, an unknown address as an
    empty text.
    """
    address = address_of(ip) if ip else None
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), IPV6_NETWORK_BITS), strict=False))
    return str(address or "")


def address_of(text: str) -> IPv4Address | IPv6Address:
    """Return the address that `text` spells, IPv4 as such. Raises ValueError."""
    address = ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_from_administrator(request: object) -> bool:
    """Return whether a platform administrator is known to have sent `request`.

    Asks nothing of the database: before the credential has been resolved, nobody is known.
    """
    known = (getattr(request, name, None) for name in ("actor", "_actor"))
    return any(isinstance(actor, Actor) and actor.is_platform_admin for actor in known)


def number_in(text: str) -> int | None:
    """Return the whole number that `text` from an address spells, or None.

    Eighteen digits always fit a column; Python refuses to read thousands of them.
    """
    fits = text.isascii() and text.isdigit() and len(text) <= 18
    return int(text) if fits else None
