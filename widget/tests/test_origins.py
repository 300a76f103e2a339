"""Origins: what may be listed, and what a header must be to be let in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restai_site.lib.errors import Invalid
from widget.origins import ORIGINS_MAX, is_allowed, normal, normal_list, patterns_for

SITE = "https://example.com"
WILD = "https://*.example.com"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Example.COM", SITE),
        (" https://example.com/ ", SITE),
        ("https://example.com:443", SITE),
        ("http://example.com:80", "http://example.com"),
        ("https://example.com:8443", "https://example.com:8443"),
        ("https://*.Example.com", WILD),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ("https://faß.example", "https://xn--fa-hia.example"),
        ("https://BÜCHER。example", "https://xn--bcher-kva.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://192.0.2.7:8080", "http://192.0.2.7:8080"),
        ("https://[2001:DB8:0:0::1]", "https://[2001:db8::1]"),
    ],
)
def test_what_is_listed_has_one_spelling(given, kept):
    assert normal(given) == kept


@pytest.mark.parametrize(
    "name",
    [
        *("co.uk", "com.br", "kawasaki.jp", "foo.ck", "github.io", "pages.dev", "vercel.app"),
        *("blogspot.com", "s3.amazonaws.com", "CO.UK", "公司.cn", "xn--55qx5d.cn"),
        # Some of what is below these is for all.
        *("amazonaws.com", "windows.net", "compute.amazonaws.com"),
    ],
)
def test_no_pattern_stands_for_hosts_that_anybody_can_have(name):
    for pattern in (f"https://*.{name}", f"http://*.{name}:8080"):
        with pytest.raises(Invalid, match="would let strangers in"):
            normal(pattern)
    assert normal(f"https://mine.{name}").startswith("https://mine.")


@pytest.mark.parametrize(
    "name", ["example.com", "mine.co.uk", "mine.github.io", "intranet.corp", "city.kawasaki.jp"]
)
def test_a_pattern_may_stand_for_hosts_of_one_owner(name):
    assert normal(f"https://*.{name}") == f"https://*.{name}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "null",
        "example.com",
        "//example.com",
        "ftp://example.com",
        "file:///home",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "https://*",
        "https://*.com",
        "https://*.*.example.com",
        "https://www.*.com",
        "https://*example.com",
        "https://example.com/path",
        "https://example.com?x",
        "https://example.com#x",
        "https://user@example.com",
        "https://user:pass@example.com",
        "https://example.com:0",
        "https://example.com:99999",
        "https://example.com:port",
        "https://exa mple.com",
        "https://example..com",
        "https://-example.com",
        "https://example.com.",
        "https://2130706433",
        "https://0x7f.1",
        "https://[::1",
        "https://example.com; frame-src *",
        "https://example.com\nhttps://evil.example",
        "https://" + "a" * 64 + ".com",
        "https://" + "a." * 150 + "com",
    ],
)
def test_what_is_no_origin_is_refused(text):
    with pytest.raises(Invalid):
        normal(text)


def test_a_list_is_sorted_has_each_once_and_is_bounded():
    assert normal_list([WILD, SITE, "HTTPS://EXAMPLE.com", " "]) == [WILD, SITE]
    with pytest.raises(Invalid):
        normal_list([f"https://{number}.example.com" for number in range(ORIGINS_MAX + 1)])


REFUSED = [
    "",
    "null",
    "https://evil-example.com",
    "https://example.com.evil.com",
    "https://notexample.com",
    "http://example.com",
    "https://example.com:8443",
    "https://example.com:443",
    "https://EXAMPLE.com",
    "https://example.com.",
    "https://example.com/",
    "https://user@example.com",
    "https://example.com@evil.com",
    "https://xn--exmple-cua.com",
    "https://ex\u0430mple.com",
    "file://",
    "file://example.com",
    "chrome-extension://abcdef",
    "https://example.com, https://evil.com",
    "https://example.com https://evil.com",
    "https://www.example.com",
    "https://example.com\x00.evil.com",
    "https://example.com%00",
    "//example.com",
    "example.com",
    "https://example",
]


@pytest.mark.parametrize("header", REFUSED)
def test_what_only_looks_like_it_is_not_let_in(header):
    assert not is_allowed(header, [SITE])


@pytest.mark.parametrize("header", [SITE, *REFUSED, "https://www.example.com"])
def test_an_empty_list_lets_nobody_in(header):
    assert not is_allowed(header, [])


def test_a_listed_one_is_let_in():
    assert is_allowed(SITE, ["https://other.example", SITE])
    assert is_allowed("https://a.example:8443", ["https://a.example:8443"])
    assert is_allowed("https://[2001:db8::1]", ["https://[2001:db8::1]"])


@pytest.mark.parametrize(
    ("header", "is_in"),
    [
        ("https://www.example.com", True),
        ("https://a.b.c.example.com", True),
        ("https://example.com", False),
        ("https://evilexample.com", False),
        ("https://www.example.com.evil.com", False),
        ("http://www.example.com", False),
        ("https://www.example.com:8443", False),
        ("https://.example.com", False),
        ("https://..example.com", False),
        ("https://*.example.com", False),
    ],
)
def test_a_pattern_stands_for_every_host_below(header, is_in):
    assert is_allowed(header, [WILD]) is is_in


@given(st.text(max_size=300))
def test_whatever_is_sent_matches_nothing_or_what_it_says(text):
    for pattern in patterns_for(text):
        scheme, _, rest = pattern.partition("://")
        assert text.startswith(f"{scheme}://")
        assert text.endswith(rest.removeprefix("*"))
