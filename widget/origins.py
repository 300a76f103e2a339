"""Origins: how an administrator writes them, and which of them let a request in.

An origin is scheme, host and port as browsers send them (RFC 6454, section 6.2): lower case,
without the port that goes with the scheme. What is written differently does not match anything.
`https://*.example.com` stands for every host below example.com, however deep, and not for
example.com itself. Nobody may list a pattern of hosts that belong to whoever takes them.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

import idna

from restai_site.lib.errors import Invalid
from widget.suffixes import is_open_to_all

ORIGINS_MAX = 50
ORIGIN_MAX_LENGTH = 260
PORTS = {"http": 80, "https": 443}
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
# As a browser writes it in the header; nothing else is looked at.
HEADER = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::([1-9]\d{0,4}))?", re.ASCII
)
HOW = "Write it as https://www.example.com, with the port where it is not the usual one."


def normal(text: str) -> str:
    """Return an origin, or a pattern of origins, in the one spelling in which it is kept.

    Raises Invalid.
    """
    given = text.strip()
    try:
        parts = urlsplit(given.lower())
        port = parts.port
    except ValueError:
        raise _bad(given) from None
    extra = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in PORTS or extra or not parts.hostname or len(given) > ORIGIN_MAX_LENGTH:
        raise _bad(given)
    if port == 0:
        raise _bad(given)
    shown = "" if port in {None, PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{_host(parts, given)}{shown}"


def normal_list(texts: list[str]) -> list[str]:
    """Return each of the origins once, sorted. Raises Invalid for one of them, or for too many."""
    found = sorted({normal(text) for text in texts if text.strip()})
    if len(found) > ORIGINS_MAX:
        raise _refused(f"List at most {ORIGINS_MAX} websites.")
    return found


def patterns_for(origin: str) -> list[str]:
    """Return what an allow-list must hold one of for the header `origin` to be let in.

    Nothing for what no browser sends: those are never let in.
    """
    match = HEADER.fullmatch(origin)
    if match is None or len(origin) > ORIGIN_MAX_LENGTH:
        return []
    scheme, host, port = match.groups()
    if port is not None and (int(port) > 65_535 or int(port) == PORTS[scheme]):
        return []
    end = f":{port}" if port else ""
    return [origin, *(f"{scheme}://*.{parent}{end}" for parent in _parents(host))]


def is_allowed(origin: str, allowed: list[str]) -> bool:
    """Tell whether the header `origin` is let in by an allow-list; an empty one lets nobody in."""
    return not set(patterns_for(origin)).isdisjoint(allowed)


def _parents(host: str) -> list[str]:
    if host.startswith("[") or _is_number(host):
        return []
    labels = host.split(".")
    return [".".join(labels[at:]) for at in range(1, len(labels) - 1)]


def _host(parts: SplitResult, given: str) -> str:
    host = parts.hostname or ""
    if ":" in host:
        return f"[{_ipv6(host, given)}]"
    if _is_number(host):
        return host
    wild, rest = host.startswith("*."), host.removeprefix("*.")
    try:
        # As browsers do it (UTS #46); Python's own codec makes fass of faß, another owner's host.
        name = rest if rest.isascii() else idna.encode(rest, uts46=True).decode()
    except UnicodeError:
        raise _bad(given) from None
    labels = name.split(".")
    # A host of digits alone would be a number, which browsers write in another way.
    if not all(LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise _bad(given)
    if wild and len(labels) < 2:
        raise _bad(given)
    if wild and is_open_to_all(name):
        raise _open(given, name)
    return ("*." if wild else "") + name


def _ipv6(host: str, given: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError:
        raise _bad(given) from None


def _is_number(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _open(text: str, name: str) -> Invalid:
    return _refused(
        f"“{text[:80]}” would let strangers in: anybody can have a host below {name}. "
        "List your own hosts there by their names."
    )


def _bad(text: str) -> Invalid:
    return _refused(f"“{text[:80]}” is no address of a website. {HOW}")


def _refused(message: str) -> Invalid:
    return Invalid(message, fields={"allowed_origins": [message]})
