"""The table: what is public, what only an administrator may list, and what nobody reaches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restai_site.lib.egress import Reach, reach_of

PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
    *("126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.1", "172.15.255.255"),
    *("172.32.0.1", "191.255.255.255", "192.0.1.1", "192.0.3.0", "192.88.98.255", "192.88.100.0"),
    *("192.167.255.255", "192.169.0.1", "198.17.255.255", "198.20.0.1", "198.51.99.255"),
    *("198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "168.63.129.15"),
    *("2606:2800:220:1:248:1893:25c8:1946", "2620:fe::fe", "2003::1", "2001:200::1"),
    *("2001:4860:4860::8888", "2a00:1450:4001:81b::200e", "3ffe::1"),
    # What a network without IPv4 reaches 8.8.8.8 by.
    "64:ff9b::808:808",
]
INTERNAL = [
    *("10.0.0.0", "10.255.255.255", "100.64.0.1", "100.100.100.199", "100.127.255.254"),
    *("127.0.0.1", "127.255.255.254", "172.16.0.1", "172.31.255.255", "192.168.0.1"),
    *("198.18.0.1", "198.19.255.255", "::1", "fc00::1", "fd12:3456::1"),
    "0000:0000:0000:0000:0000:0000:0000:0001",
]
FORBIDDEN = [
    *("0.0.0.0", "0.1.2.3", "100.100.100.200", "168.63.129.16", "169.254.0.1"),  # noqa: S104
    *("169.254.169.254", "169.254.170.2", "192.0.0.1", "192.0.0.192", "192.0.2.1"),
    *("192.88.99.1", "198.51.100.7", "203.0.113.1", "224.0.0.1", "239.255.255.255"),
    *("240.0.0.1", "255.255.255.255", "::", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1"),
    *("::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b::10.0.0.1", "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:2::1"),
    *("2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:10::1", "2001:20::1", "2001:db8::1"),
    *("2002:7f00:1::", "2002:808:808::", "3fff::1", "5f00::1", "4000::1", "fd00:ec2::254"),
    *("fd20:ce::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ff0e::1", "e000::1"),
    *("", "localhost", "127.1", "0x7f.0.0.1", "0177.0.0.1", "1.2.3.4.5", "[::1]", "1.1.1.1%1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_for_everybody(address):
    assert reach_of(address) is Reach.PUBLIC


@pytest.mark.parametrize("address", INTERNAL)
def test_internal_addresses_have_to_be_listed(address):
    assert reach_of(address) is Reach.INTERNAL


@pytest.mark.parametrize("address", FORBIDDEN)
def test_these_are_reached_by_nobody(address):
    assert reach_of(address) is Reach.FORBIDDEN


@given(st.ip_addresses(v=4, network="127.0.0.0/8") | st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_no_address_of_these_networks_is_public(address):
    assert reach_of(str(address)) is not Reach.PUBLIC
    assert reach_of(f"::ffff:{address}") is Reach.FORBIDDEN
    assert reach_of(f"64:ff9b::{address}") is Reach.FORBIDDEN


@given(st.ip_addresses())
def test_what_python_calls_private_multicast_or_reserved_is_never_public_here(address):
    if not address.is_global or address.is_multicast or address.is_reserved:
        is_nat64 = str(address).startswith("64:ff9b::")
        assert is_nat64 or reach_of(str(address)) is not Reach.PUBLIC
