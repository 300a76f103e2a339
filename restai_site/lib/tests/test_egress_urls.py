"""Addresses as text, before anything is resolved."""

import pytest

from restai_site.lib.egress import check_url, host_and_port
from restai_site.lib.egress.urls import is_web_port
from restai_site.lib.errors import Invalid


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://localhost:11434/v1",
        "http://127.0.0.1:8080",
        "http://[::1]:8080/v1",
        "HTTPS://Example.COM/a/b?c=d",
        "https://bücher.example/über?q=ü",
        "https://例え.jp/",
        "https://example.com?x=1",
        "https://example.com/@user",
        "https://example.com:443/a/b?x=1#frag",
        "https://example.com/?next=http://127.0.0.1/",
        "https://example.com/a@b?c@d#e@f",
        "https://10.example.com/",
        "https://1e100.net/",
        "https://example.com./",
    ],
)
def test_good_addresses_pass_unchanged(url):
    assert check_url(url) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "begin with http"),
        ("v1", "begin with http"),
        ("//host/v1", "begin with http"),
        ("ftp://host/", "begin with http"),
        ("file:///etc/passwd", "begin with http"),
        ("gopher://host/", "begin with http"),
        ("data:text/plain,x", "begin with http"),
        ("javascript:alert(1)", "begin with http"),
        ("http:/127.0.0.1", "names no host"),
        ("http:127.0.0.1", "names no host"),
        ("http://", "names no host"),
        ("http:///path", "names no host"),
        ("http://#", "names no host"),
        ("http://:80/", "not a valid URL"),
        ("http://127.0.0.1\\@good.com/", "backslash"),
        ("http://good.com\\@127.0.0.1/", "backslash"),
        ("http://good.com@127.0.0.1/", "user name"),
        ("http://user:password@host/", "user name"),
        ("http://@host/", "user name"),
        ("http://good.com;@127.0.0.1/", "user name"),
        ("http://good.com#@127.0.0.1/", "'/' after its host"),
        ("http://good.com?@127.0.0.1/", "'/' after its host"),
        ("http://127.0.0.1\t.good.com/", "invisible"),
        ("http://good.com\r\nHost: evil/", "invisible"),
        ("http://good.com\x00/", "invisible"),
        ("http://good.com /", "spaces"),
        (" http://good.com/", "spaces"),
        ("http://good\u200b.com/", "invisible"),
        ("http://good\u202e.com/", "invisible"),
        ("http://good.com/\ud800", "invisible"),
        ("http://%31%32%37.0.0.1/", "names no host"),
        ("http://good.com%2f@x/", "user name"),
        ("http://[fe80::1%25eth0]/", "names no host"),
        ("http://[::1/", "not a valid URL"),
        ("http://host:99999/", "not a valid URL"),
        ("http://host:0/", "port"),
        ("http://host:080/", "port"),
        ("http://host:x/", "not a valid URL"),
        ("http://xn--a/", "not a valid URL"),
        ("http://127.1/", "four plain numbers"),
        ("http://1.2.3/", "four plain numbers"),
        ("http://2130706433/", "four plain numbers"),
        ("http://0x7f.1/", "four plain numbers"),
        ("http://0x7f000001/", "four plain numbers"),
        ("http://0177.0.0.1/", "four plain numbers"),
        ("http://127.0.0.1./", "four plain numbers"),
        ("http://1.1.1.256/", "four plain numbers"),
        ("http://example.0x/", "four plain numbers"),
        ("http://../", "names no host"),
        ("http://a..b/", "names no host"),
        ("http://.a/", "names no host"),
        ("http://" + "a" * 64 + ".com/", "names no host"),
        ("http://" + "a." * 127 + "com/", "names no host"),
        ("http://host/" + "a" * 3000, "longer than"),
    ],
)
def test_addresses_that_parsers_could_read_differently_are_refused(url, words):
    with pytest.raises(Invalid) as caught:
        check_url(url)
    assert words in caught.value.message


@pytest.mark.parametrize("port", [80, 443, 1024, 3000, 8000, 8080, 8443, 11434, 65535])
def test_web_servers_are_expected_at_these_ports(port):
    assert is_web_port(port)


@pytest.mark.parametrize("port", [1, 22, 25, 53, 81, 389, 445, 636, 1023, 3306, 5432, 6379, 11211])
def test_other_services_live_at_these(port):
    assert not is_web_port(port)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("localhost:11434", "localhost:11434"),
        ("LOCALHOST:11434", "localhost:11434"),
        (" ollama.internal:80 ", "ollama.internal:80"),
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("[::1]:8080", "[::1]:8080"),
        ("bücher.internal:443", "xn--bcher-kva.internal:443"),
    ],
)
def test_a_listed_host_has_one_spelling(written, kept):
    assert host_and_port(written) == kept


@pytest.mark.parametrize(
    "written",
    [
        *("localhost", "localhost:", ":80", "*:80", "*.internal:80", "10.0.0.0/8:80", "host:0"),
        *("host:65536", "host:080", "host:http", "http://host:80", "user@host:80", "a b:80"),
        *("::1:80", "127.1:80", "2130706433:80", "host:80:80", "host\\:80", "host:٨٠"),
    ],
)
def test_what_is_no_exact_host_and_port_cannot_be_listed(written):
    with pytest.raises(Invalid):
        host_and_port(written)


@pytest.mark.parametrize(
    "written",
    [
        *("169.254.169.254:80", "168.63.129.16:80", "192.0.0.192:80", "100.100.100.200:80"),
        *("[fd00:ec2::254]:80", "0.0.0.0:80", "224.0.0.1:80", "[::ffff:127.0.0.1]:80"),
    ],
)
def test_metadata_services_cannot_be_listed(written):
    with pytest.raises(Invalid, match="can never be reached"):
        host_and_port(written)
