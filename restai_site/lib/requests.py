"""What a request tells about its sender."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from restai_site.lib.actor import Actor

# Where files of sound come in, which are larger than anything else.
SOUND_PATH = "/v1/audio/transcriptions"
# Where files of labelled texts come in, of 5 MB at most, and what a form puts around one.
SET_PATH = "/guards/bench/sets/new"
SET_REQUEST_MAX_BYTES = 5_100_000


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
    many places from the right end.
    """
    address = request.META.get("REMOTE_ADDR", "")
    hops = settings.TRUSTED_PROXY_COUNT
    if hops:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        address = forwarded[-hops].strip() if len(forwarded) >= hops else address
    try:
        return str(ip_address(address))
    except ValueError:
        return None


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
