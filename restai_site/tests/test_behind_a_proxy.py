"""A server that a proxy with TLS stands in front of, as in production."""

import os
import re
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from restai_site.tests.server import Server
from restai_site.tests.world import make_user

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
HOST = "chat.example.org"


@pytest.fixture(scope="module")
def proxied(django_db_setup, django_db_blocker):
    environment = {"PUBLIC_URL": f"https://{HOST}", "TRUSTED_PROXY_COUNT": "1"}
    with django_db_blocker.unblock(), Server(**environment) as running:
        yield running


def ask(server, method, path, body=None, **headers):
    """Ask as the proxy does, and return the answer with its text."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    forwarded = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    connection.request(method, path, body, forwarded | headers)
    answer = connection.getresponse()
    return answer, answer.read().decode()


def test_a_form_is_taken_over_tls_and_cookies_never_leave_it(proxied):
    user = make_user("ada")
    user.set_password("correct horse battery staple")
    user.save()
    page, text = ask(proxied, "GET", "/login")
    assert page.getheader("Strict-Transport-Security").startswith("max-age=63072000")
    cookie = page.getheader("Set-Cookie")
    assert cookie.startswith("__Host-csrf=")
    assert "; Secure" in cookie
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)[1]
    fields = {"csrfmiddlewaretoken": token, "email": user.email}
    answer, _ = ask(
        proxied,
        "POST",
        "/login",
        urlencode(fields | {"password": "correct horse battery staple"}),
        **{"Content-Type": "application/x-www-form-urlencoded"},
        Cookie=cookie.split(";")[0],
        Origin=f"https://{HOST}",
        Referer=f"https://{HOST}/login",
    )
    assert answer.status == 302
    session = next(
        value for name, value in answer.getheaders()
        if name.lower() == "set-cookie" and value.startswith("__Host-session=")
    )  # fmt: skip
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(re.split(r"; ", session))


def test_a_form_of_another_origin_is_refused(proxied):
    page, text = ask(proxied, "GET", "/login")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)[1]
    answer, _ = ask(
        proxied,
        "POST",
        "/login",
        urlencode({"csrfmiddlewaretoken": token}),
        **{"Content-Type": "application/x-www-form-urlencoded"},
        Cookie=page.getheader("Set-Cookie").split(";")[0],
        Origin="https://evil.example",
    )
    assert answer.status == 403


def test_the_server_itself_believes_no_forwarded_header():
    """The application counts proxies; a server that believed them as well would count twice."""
    from restai_site.embedded import web

    assert "--no-proxy-headers" in web.command("127.0.0.1", 1)
    assert "FORWARDED_ALLOW_IPS" not in os.environ
