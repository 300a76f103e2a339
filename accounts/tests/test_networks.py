"""From where a key is taken."""

import pytest

from accounts.networks import NETWORKS_MAX, hold, normal_networks
from restai_site.lib.errors import Invalid
from restai_site.tests.world import make_key


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        (" 192.0.2.0/24\n", "192.0.2.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8:0:0::1", "2001:db8::1/128"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_is_kept_in_its_one_spelling(given, kept):
    assert normal_networks([given, given]) == [kept]


@pytest.mark.parametrize(
    "given",
    [
        *("", "office", "192.0.2", "192.0.2.256", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/"),
        *("192.0.2.0/24/24", "192.0.2.0/255.255.255.0", "010.0.0.1", "fe80::1%eth0", "1", "/8"),
        *("192.0.2.7, 192.0.2.8", "::/129", "192.0.2.\u0667", "*"),
    ],
)
def test_anything_else_is_refused(given):
    with pytest.raises(Invalid) as caught:
        normal_networks([given])
    assert list(caught.value.fields) == ["allowed_networks"]


def test_an_address_inside_a_network_is_refused_with_the_network():
    with pytest.raises(Invalid, match=r"write 10\.0\.0\.0/8"):
        normal_networks(["10.1.2.3/8"])


def test_there_are_fifty_networks_at_most():
    many = [f"192.0.2.{number}" for number in range(NETWORKS_MAX + 1)]
    assert len(normal_networks(many[1:])) == NETWORKS_MAX
    with pytest.raises(Invalid):
        normal_networks(many)


@pytest.mark.parametrize(
    ("ip", "held"),
    [
        ("192.0.2.1", True),
        ("192.0.3.1", False),
        ("::ffff:192.0.2.1", True),
        ("::ffff:c000:201", True),
        ("::ffff:192.0.3.1", False),
        ("64:ff9b::192.0.2.1", False),
        ("2001:db8::5", True),
        ("2001:db9::5", False),
        ("::1", False),
        (None, False),
    ],
)
def test_an_address_is_held_however_a_socket_spells_it(ip, held):
    assert hold(["192.0.2.0/24", "2001:db8::/32"], ip) is held


@pytest.fixture
def keyed(world, api):
    plaintext = make_key(world.viewer, allowed_networks=["192.0.2.0/24"])[1]
    return api.with_key(plaintext)


@pytest.mark.parametrize("path", ["/api/me", "/v1/models"])
def test_a_key_is_taken_only_from_its_networks(keyed, path):
    assert keyed.get(path, REMOTE_ADDR="192.0.2.9").status_code == 200
    assert keyed.get(path, REMOTE_ADDR="::ffff:192.0.2.9").status_code == 200
    for address in ("198.51.100.1", "::1", ""):
        answer = keyed.get(path, REMOTE_ADDR=address)
        assert answer.status_code == 401


def test_from_elsewhere_a_key_is_answered_as_one_that_does_not_exist(keyed, api, world):
    elsewhere = keyed.get("/api/me", REMOTE_ADDR="198.51.100.1").json()
    unknown = api.with_key("rk_" + "x" * 43).get("/api/me").json()
    assert {**elsewhere, "request_id": ""} == {**unknown, "request_id": ""}


def test_a_forwarded_address_counts_only_as_far_as_proxies_are_counted(keyed, settings):
    def status(forwarded: str, remote: str) -> int:
        return keyed.get("/api/me", HTTP_X_FORWARDED_FOR=forwarded, REMOTE_ADDR=remote).status_code

    assert status("192.0.2.9", "198.51.100.1") == 401
    settings.TRUSTED_PROXY_COUNT = 1
    assert status("192.0.2.9", "198.51.100.1") == 200
    assert status("192.0.2.9, 198.51.100.7", "192.0.2.1") == 401
    assert status("198.51.100.7, ::ffff:192.0.2.9", "198.51.100.1") == 200
    settings.TRUSTED_PROXY_COUNT = 2
    assert status("192.0.2.9, 198.51.100.7", "198.51.100.1") == 200
    assert status("192.0.2.9, 198.51.100.7, 198.51.100.8", "198.51.100.1") == 401
