"""What an address is: the table by which every outbound connection is judged.

Python's `ipaddress` answers differently from version to version and takes several of these ranges
for public, so nothing of it but the parsing is used. Sources: the IANA special-purpose registries
for IPv4 and IPv6 (RFC 6890) and the documentation of the cloud providers for their metadata
services. IPv6 is judged the other way round: public is only what has been given out as global
unicast (2000::/3) and is not listed here.
"""

from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


class Reach(StrEnum):
    """Who may connect to an address."""

    PUBLIC = "public"  # everybody
    INTERNAL = "internal"  # only where an administrator has listed the host and port
    FORBIDDEN = "forbidden"  # nobody


_INTERNAL_V4 = {
    "10.0.0.0/8": "private, RFC 1918",
    "100.64.0.0/10": "shared by carriers (CGNAT), RFC 6598",
    "127.0.0.0/8": "loopback, RFC 1122",
    "172.16.0.0/12": "private, RFC 1918",
    "192.168.0.0/16": "private, RFC 1918",
    "198.18.0.0/15": "benchmarking, RFC 2544",
}
_FORBIDDEN_V4 = {
    "0.0.0.0/8": "this network, RFC 791; Linux connects it to loopback",
    "100.100.100.200/32": "metadata service of Alibaba Cloud",
    "168.63.129.16/32": "platform services of Azure",
    "169.254.0.0/16": "link-local, RFC 3927; metadata services of most clouds",
    "192.0.0.0/24": "protocol assignments, RFC 6890; metadata service of Oracle Cloud (…192)",
    "192.0.2.0/24": "documentation, RFC 5737",
    "192.88.99.0/24": "relays of 6to4, RFC 7526",
    "198.51.100.0/24": "documentation, RFC 5737",
    "203.0.113.0/24": "documentation, RFC 5737",
    "224.0.0.0/4": "multicast, RFC 5771",
    "240.0.0.0/4": "reserved, RFC 1112, and limited broadcast, RFC 919",
}
_INTERNAL_V6 = {
    "::1/128": "loopback, RFC 4291",
    "fc00::/7": "unique-local, RFC 4193",
}
_FORBIDDEN_V6 = {
    "2001::/23": "protocol assignments, RFC 2928: Teredo, benchmarking, ORCHID",
    "2001:db8::/32": "documentation, RFC 3849",
    "2002::/16": "6to4, RFC 3056",
    "3fff::/20": "documentation, RFC 9637",
    "fd00:ec2::/32": "metadata services of AWS",
    "fd20:ce::/32": "metadata services of Google Cloud",
}
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Translates to the IPv4 address in its last 32 bits (RFC 6052): networks without IPv4 reach public
# servers by it. The prefix for local use, 64:ff9b:1::/48, is not public.
_NAT64 = IPv6Network("64:ff9b::/96")
Network = IPv4Network | IPv6Network


def _networks(table: dict[str, str]) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in table)


_FORBIDDEN = {4: _networks(_FORBIDDEN_V4), 6: _networks(_FORBIDDEN_V6)}
_INTERNAL = {4: _networks(_INTERNAL_V4), 6: _networks(_INTERNAL_V6)}


@lru_cache(maxsize=4096)
def reach_of(text: str) -> Reach:
    """Return who may connect to the address `text`; what cannot be read is FORBIDDEN."""
    try:
        address = ip_address(text)
    except ValueError:
        return Reach.FORBIDDEN
    return _judged(address)


def _judged(address: IPv4Address | IPv6Address) -> Reach:
    if any(address in network for network in _FORBIDDEN[address.version]):
        return Reach.FORBIDDEN
    if any(address in network for network in _INTERNAL[address.version]):
        return Reach.INTERNAL
    if isinstance(address, IPv4Address):
        return Reach.PUBLIC
    return _judged_ipv6(address)


def _judged_ipv6(address: IPv6Address) -> Reach:
    if address.scope_id is not None:
        return Reach.FORBIDDEN
    if address in _NAT64:
        embedded = _judged(IPv4Address(int(address) & 0xFFFFFFFF))
        return embedded if embedded is Reach.PUBLIC else Reach.FORBIDDEN
    return Reach.PUBLIC if address in _GLOBAL_UNICAST else Reach.FORBIDDEN
