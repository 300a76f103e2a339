"""Which internal hosts an administrator has listed, for which purpose."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from yarl import URL

from restai_site.lib.configuration import Lines, Section
from restai_site.lib.egress.addresses import Reach, reach_of
from restai_site.lib.egress.urls import DEFAULT_PORTS, HIGHEST_PORT, check_host, target_of
from restai_site.lib.errors import Invalid

Target = tuple[str, int]


class Purpose(StrEnum):
    """What a connection is for. Each purpose has a list of internal hosts of its own."""

    PROVIDER = "provider"
    FETCH = "fetch"
    MAIL = "mail"
    IDENTITY = "identity"
    AUDIT = "audit"


def host_and_port(text: str) -> str:
    """Return `text`, an exact host and port, in its one spelling. Raises Invalid."""
    host, port = _parsed(text.strip())
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _parsed(text: str) -> Target:
    wrong = Invalid("Write a host and its port, for example ollama.internal:11434.")
    _, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or port != str(int(port)):
        raise wrong
    if any(mark in text for mark in "/\\@?#%* ") or not 0 < int(port) <= HIGHEST_PORT:
        raise wrong
    try:
        target = target_of(URL(f"http://{text}/"))
    except ValueError:
        raise wrong from None
    if not target[0] or target[1] != int(port):
        raise wrong
    check_host(target[0])
    if is_literal(target[0]) and reach_of(target[0]) is Reach.FORBIDDEN:
        raise Invalid(f"{target[0]} can never be reached: see the documentation of the network.")
    return target


def is_literal(host: str) -> bool:
    """Return whether `host` is an address and no name."""
    return ":" in host or host.replace(".", "").isdigit()


def _hosts(label: str, explanation: str, variable: str) -> Lines:
    return Lines(label=label, explanation=explanation, variable=variable, each=host_and_port)


class NetworkSection(Section):
    """Internal hosts that the platform may connect to."""

    slug = "network"
    keys_may_change = False
    title = "Network"
    lede = (
        "The platform connects to public addresses alone. List here, exactly, which internal hosts "
        "it may reach besides, one “host:port” a line. Metadata services of clouds stay out of "
        "reach whatever is listed."
    )
    order = 70

    provider_hosts = _hosts(
        "Internal model servers",
        "For provider base URLs, for example localhost:11434. The embedded model needs no line.",
        "NETWORK_PROVIDER_HOSTS",
    )
    fetch_hosts = _hosts(
        "Internal web servers for images and files",
        "Everybody who may chat can have these fetched.",
        "NETWORK_FETCH_HOSTS",
    )
    mail_hosts = _hosts(
        "Internal mail servers",
        "For the server under Mail.",
        "NETWORK_MAIL_HOSTS",
    )
    identity_hosts = _hosts(
        "Internal identity providers and directories",
        "For sign-in providers and LDAP, for example ldap.internal:636.",
        "NETWORK_IDENTITY_HOSTS",
    )
    audit_hosts = _hosts(
        "Internal receivers of the audit trail",
        "For the destinations under Audit forwarding, for example siem.internal:6514.",
        "NETWORK_AUDIT_HOSTS",
    )

    @cached_property
    def listed(self) -> Mapping[Purpose, frozenset[Target]]:
        """The listed hosts and ports of each purpose."""
        lists: dict[Purpose, Any] = {
            Purpose.PROVIDER: self.provider_hosts,
            Purpose.FETCH: self.fetch_hosts,
            Purpose.MAIL: self.mail_hosts,
            Purpose.IDENTITY: self.identity_hosts,
            Purpose.AUDIT: self.audit_hosts,
        }
        parsed = {purpose: frozenset(map(_parsed, texts)) for purpose, texts in lists.items()}
        parsed[Purpose.PROVIDER] |= _embedded()
        return parsed


def _embedded() -> frozenset[Target]:
    """Return where the embedded model listens: whoever starts the platform has chosen that."""
    parts = urlsplit(settings.EMBEDDED_MODEL_URL)
    if not parts.hostname:
        return frozenset()
    return frozenset({(parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme])})
