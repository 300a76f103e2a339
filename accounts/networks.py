"""The networks from which alone an API key is taken."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from restai_site.lib.errors import Invalid
from restai_site.lib.requests import address_of

NETWORKS_MAX = 50
# ::ffff:0:0/96: how a socket for both families spells IPv4 (RFC 4291, section 2.5.5.2).
MAPPED_BITS = 96
MAPPED = IPv6Network(f"::ffff:0:0/{MAPPED_BITS}")
_NEITHER = "“{}” is no address and no network: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32."


def normal_networks(texts: Iterable[str]) -> list[str]:
    """Return addresses and networks in CIDR notation, each once and in its one spelling.

    A single address is a network of one. Raises Invalid for what is none, for an address inside a
    network where the network is meant, and for more than NETWORKS_MAX.
    """
    found = list(dict.fromkeys(str(_network(text.strip())) for text in texts))
    if len(found) > NETWORKS_MAX:
        raise _refused(f"Enter at most {NETWORKS_MAX} networks.")
    return found


def hold(networks: Iterable[str], ip: str | None) -> bool:
    """Tell whether one of `networks` holds the address; an unknown address is in none."""
    if ip is None:
        return False
    address = address_of(ip)
    return any(address in ip_network(network) for network in networks)


def _network(text: str) -> IPv4Network | IPv6Network:
    address, slash, length = text.partition("/")
    # A zone names an interface of one machine; a netmask is a second spelling of a length.
    if "%" in text or (slash and not length.isdigit()):
        raise _refused(_NEITHER.format(text[:50]))
    try:
        first, network = ip_address(address), ip_network(text, strict=False)
    except ValueError:
        raise _refused(_NEITHER.format(text[:50])) from None
    if first != network.network_address:
        raise _refused(f"“{text[:50]}” is an address inside a network: write {network}.")
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        return ip_network(f"{address_of(address)}/{network.prefixlen - MAPPED_BITS}")
    return network


def _refused(message: str) -> Invalid:
    return Invalid(message, fields={"allowed_networks": [message]})
