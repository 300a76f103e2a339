"""What every answer has, whatever was asked and by whom."""

import pytest
from django.http import HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from restai_site.middleware import CONTENT_SECURITY_POLICY
from restai_site.urls import urlpatterns as real

PATHS = [
    "/login", "/", "/nowhere", "/api/nowhere", "/api/projects", "/v1/models", "/v1/nowhere",
    "/health/live", "/admin/", "/static/nowhere.css", "/static/css/app.css", "/crash", "/v1/crash",
]  # fmt: skip


def crash(request):
    raise RuntimeError("sk-secret-in-an-exception")


handler404 = "restai_site.pages.page_not_found"
handler500 = "restai_site.pages.server_error"
urlpatterns = [path("crash", crash), path("v1/crash", crash), *real]


@pytest.fixture(autouse=True)
def with_a_crash(db):
    with override_settings(ROOT_URLCONF=__name__):
        yield


def assert_headers(response: HttpResponse):
    headers = response.headers
    assert headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["X-Request-ID"]
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("method", ["get", "post", "options", "head", "delete", "trace"])
@pytest.mark.parametrize("where", PATHS)
def test_every_answer_has_the_strict_headers_and_none_of_cors(where, method):
    client = Client(raise_request_exception=False)
    assert_headers(getattr(client, method)(where, headers={"Origin": "https://evil.example"}))


@pytest.mark.parametrize("where", PATHS)
async def test_asynchronous_answers_have_them_too(where):
    client = AsyncClient(raise_request_exception=False)
    assert_headers(await client.get(where))


@pytest.mark.parametrize("where", ["/crash", "/v1/crash"])
def test_a_crash_tells_nothing(where):
    response = Client(raise_request_exception=False).get(where)
    assert response.status_code == 500
    assert "sk-secret" not in response.content.decode()
    assert "Traceback" not in response.content.decode()


def test_inline_scripts_are_never_allowed():
    assert "script-src 'self';" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_behind_tls_browsers_are_told_to_stay_there(settings):
    settings.SECURE_HSTS_SECONDS = 63_072_000
    assert (
        "max-age=63072000"
        in Client().get("/login", secure=True).headers["Strict-Transport-Security"]
    )


@pytest.mark.parametrize("where", PATHS)
def test_a_foreign_host_name_is_refused(where):
    response = Client(raise_request_exception=False).get(where, headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert "evil" not in response.content.decode()
    assert_headers(response)


@pytest.mark.parametrize("where", ["/login", "/admin/", "/api/projects", "/v1/models", "/nowhere"])
def test_a_body_of_ten_megabytes_is_refused_everywhere(where):
    response = Client().post(where, b"a" * 10_000_000, content_type="application/json")
    assert response.status_code == 413
    assert_headers(response)


@pytest.mark.parametrize("where", ["/", "/admin/", "/login", "/projects"])
def test_an_authorization_header_on_a_page_never_breaks_it(where):
    for value in ("Bearer x", "Basic dTpw", "é"):
        assert Client().get(where, headers={"Authorization": value}).status_code in (200, 302, 401)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("abcdefgh-1234", True), ("short", False), ("bad\r\nvalue: x", False), ("x" * 65, False)],
)
def test_a_request_id_of_the_client_is_kept_only_in_a_harmless_form(given, kept):
    response = Client().get("/health/live", headers={"X-Request-ID": given})
    assert (response.headers["X-Request-ID"] == given) is kept


@pytest.mark.parametrize("hops", [0, 1, 2])
def test_forwarded_addresses_are_believed_from_counted_proxies_only(settings, rf, hops):
    from restai_site.lib.requests import client_ip

    settings.TRUSTED_PROXY_COUNT = hops
    request = rf.get("/", headers={"X-Forwarded-For": "6.6.6.6, 1.1.1.1, 2.2.2.2"})
    assert client_ip(request) == {0: "127.0.0.1", 1: "2.2.2.2", 2: "1.1.1.1"}[hops]


def test_an_address_is_spelled_in_one_way(rf):
    from restai_site.lib.requests import client_ip

    assert client_ip(rf.get("/", REMOTE_ADDR="::ffff:192.0.2.1")) == "192.0.2.1"
    assert client_ip(rf.get("/", REMOTE_ADDR="2001:DB8:0:0::1")) == "2001:db8::1"
    assert client_ip(rf.get("/", REMOTE_ADDR="a socket")) is None


@pytest.mark.parametrize(
    ("ip", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        (None, ""),
    ],
)
def test_ipv6_is_counted_by_networks(ip, counted):
    from restai_site.lib.requests import counted_as

    assert counted_as(ip) == counted
