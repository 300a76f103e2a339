"""Addresses as text: what every parser reads alike, and which ports a web server has."""

import re
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from yarl import URL

from restai_site.lib.errors import Invalid

URL_MAX_LENGTH = 2048
SCHEMES = frozenset({"http", "https"})
DEFAULT_PORTS = {"http": 80, "https": 443}
HIGHEST_PORT = 65535
NAME_MAX_LENGTH = 253
# Below this port only web servers are called: mail, shells, directories and files live there.
FIRST_FREE_PORT = 1024
# Services that are no web servers but understand parts of an HTTP request, or whose own HTTP
# interface administers a machine. From the list of ports that browsers refuse (WHATWG Fetch) and
# the ports that databases, caches and brokers have registered.
CLOSED_PORTS = frozenset(
    {
        1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
        6669, 6679, 6697, 10080,  # refused by browsers
        1433, 1521, 3306, 5432, 5433, 6432, 27017, 27018, 27019, 50000,  # databases
        6379, 6380, 11211, 26379,  # caches
        1883, 4369, 5671, 5672, 8883, 9092, 61613, 61616,  # brokers
        2375, 2376, 2377, 2379, 2380, 6443, 8500, 10250, 10255,  # containers and clusters
        3389, 5900, 5985, 5986,  # remote desktops and shells
    }
)  # fmt: skip
_AUTHORITY = re.compile(r"\A[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)([/?#]?)(.*)\Z", re.DOTALL)
_NUMERIC_LABEL = re.compile(r"\A(?:[0-9]+|0[xX][0-9A-Fa-f]*)\Z")


def check_url(url: str) -> str:
    """Return `url` when every parser reads it alike and it names a web server.

    Raises Invalid for control characters, spaces, backslashes, user-info, schemes other than http
    and https, and a missing, percent-encoded or oddly written host or port. The address that the
    host resolves to is judged when the connection is made, because it may be another one then.
    """
    if len(url) > URL_MAX_LENGTH:
        raise Invalid(f"The address is longer than {URL_MAX_LENGTH} characters.")
    if not url.isprintable() or " " in url:
        raise Invalid("The address contains spaces or invisible characters.")
    if "\\" in url:
        raise Invalid("The address must not contain a backslash.")
    _check_parts(url)
    return url


def target_of(url: URL) -> tuple[str, int]:
    """Return the host and port that `url` connects to, the host as a name server is asked for."""
    return (url.raw_host or "").lower(), url.port or 0


def _check_parts(url: str) -> None:
    try:
        parts, again = urlsplit(url), URL(url)
        port, host = parts.port, again.host
    except ValueError:
        raise Invalid("The address is not a valid URL.") from None
    if parts.scheme not in SCHEMES:
        raise Invalid("The address must begin with http:// or https://.")
    authority = _authority(url)
    if not parts.hostname or not host or "%" in authority:
        raise Invalid("The address names no host.")
    _check_port(authority, port, again.port)
    check_host(target_of(again)[0])


def _authority(url: str) -> str:
    """Return host and port as they stand in `url`, where nobody could find another host."""
    match = _AUTHORITY.match(url)
    if match is None:
        raise Invalid("The address names no host.")
    authority, end, rest = match.groups()
    if "@" in authority:
        raise Invalid("The address must not contain a user name or password.")
    if end in {"?", "#"} and "@" in rest:
        raise Invalid("The address must have a '/' after its host.")
    return authority


def _check_port(authority: str, port: int | None, again: int | None) -> None:
    written = authority.rpartition("]")[2].rpartition(":")[2] if ":" in authority else ""
    odd = port is not None and (port != again or written != str(port))
    if odd or port == 0:
        raise Invalid("The port of the address is not valid.")


def is_web_port(port: int) -> bool:
    """Return whether a web server may be expected at `port`."""
    low = port < FIRST_FREE_PORT and port not in DEFAULT_PORTS.values()
    return not low and port not in CLOSED_PORTS


def check_host(host: str) -> None:
    """Raise Invalid for hosts that no name server can be asked for, and for odd addresses.

    Odd is a host whose last label is a number but which is no plain IPv4 address: some resolvers
    take those for an address in octal, hexadecimal or short form ("ends in a number", WHATWG URL,
    section 3.5). Labels have at most 63 characters, names 253 (RFC 1035, section 2.3.4).
    """
    if ":" in host:
        return
    labels = host.removesuffix(".").split(".")
    if len(host) > NAME_MAX_LENGTH or not all(0 < len(label) < 64 for label in labels):
        raise Invalid("The address names no host.")
    if not _NUMERIC_LABEL.match(labels[-1]):
        return
    try:
        IPv4Address(host)
    except ValueError:
        raise Invalid("The address must write an IPv4 address as four plain numbers.") from None
