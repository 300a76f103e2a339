"""No answer opens itself to the pages of another site: not files, not health, not errors."""

import pytest
from django.http import HttpResponse
from django.test import AsyncClient, Client

from restai_site.tests.clients import AuditedClient
from restai_site.tests.cors import EVIL, ORIGINS, REQUESTS, cors_headers
from restai_site.tests.test_answers import urlpatterns as with_a_crash
from restai_site.tests.world import make_user
from restai_site.urls import handler404, handler500

pytestmark = pytest.mark.django_db
STATIC = "/static/css/app.css"
BIG = {"data": b"a" * 10_000_000, "content_type": "application/json"}
# What is asked, and how: the path, what else goes with it, and the statuses that it may have.
WHERE = {
    "file": (STATIC, {}, {200, 405}),
    "missing file": ("/static/nowhere.css", {}, {404}),
    "live": ("/health/live", {}, {200}),
    "ready": ("/health/ready", {}, {200}),
    "missing page": ("/nowhere", {}, {404}),
    "missing in the API": ("/api/nowhere", {}, {404}),
    "missing in /v1": ("/v1/nowhere", {}, {404}),
    "foreign host": ("/login", {"HTTP_HOST": "evil.example"}, {400}),
    "foreign host, API": ("/api/projects", {"HTTP_HOST": "evil.example"}, {400}),
    "foreign host, file": (STATIC, {"HTTP_HOST": "evil.example"}, {400}),
    "crash of a page": ("/crash", {}, {500}),
    "crash in /v1": ("/v1/crash", {}, {500}),
    "/v1 without a key": ("/v1/chat/completions", {}, {405, 415}),
    "/v1 with a bad key": ("/v1/models", {"HTTP_AUTHORIZATION": "Bearer sk-x"}, {401, 405}),
    "API with a bad key": ("/api/projects", {"HTTP_AUTHORIZATION": "Bearer sk-x"}, {401}),
}


@pytest.fixture(autouse=True)
def crashing_routes(settings):
    settings.ROOT_URLCONF = __name__


urlpatterns = with_a_crash
# Django takes these two from here, as from the real map of addresses.
__all__ = ["handler404", "handler500"]


@pytest.mark.parametrize("where", WHERE)
def test_no_answer_has_a_cors_header(where):
    path, environment, statuses = WHERE[where]
    client = Client(raise_request_exception=False)
    found = set()
    for method, headers in REQUESTS:
        response = getattr(client, method.lower())(path, headers=headers, **environment)
        assert cors_headers(response.headers) == []
        found.add(response.status_code)
    assert found <= statuses


# A synchronous view that asks the database does so in another thread there, outside the test's
# transaction: those are asked on a real server, in test_cors_server.py.
WITHOUT_DATABASE = [where for where in WHERE if where != "ready" and "bad key" not in where]


@pytest.mark.parametrize("where", WITHOUT_DATABASE)
async def test_no_asynchronous_answer_has_one(where):
    path, environment, statuses = WHERE[where]
    client = AsyncClient(raise_request_exception=False)
    found = set()
    for method, headers in REQUESTS:
        given = {name.removeprefix("HTTP_").title(): text for name, text in environment.items()}
        response = await getattr(client, method.lower())(path, headers={**headers, **given})
        assert cors_headers(response.headers) == []
        found.add(response.status_code)
    assert found <= statuses


@pytest.mark.parametrize("path", ["/login", "/admin/", "/api/projects", "/v1/models", "/nowhere"])
def test_a_body_over_the_limit_is_refused_without_one(path):
    response = Client().post(path, headers={"Origin": EVIL}, **BIG)
    assert response.status_code == 413
    assert cors_headers(response.headers) == []


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_form_that_another_site_sends_is_refused_without_one(origin):
    client = AuditedClient(enforce_csrf_checks=True)
    client.force_login(make_user("ada"))
    for path in ("/login", "/profile", "/api/keys"):
        response = client.post(path, {"name": "x"}, headers={"Origin": origin})
        assert response.status_code == 403
        assert cors_headers(response.headers) == []


def test_the_check_sees_the_header_where_there_is_one(settings):
    """A library that opens files to all sites when told to: the check would tell."""
    settings.WHITENOISE_ALLOW_ALL_ORIGINS = True
    assert cors_headers(Client().get(STATIC).headers) == ["Access-Control-Allow-Origin"]
    assert cors_headers(HttpResponse(headers={"access-control-expose-headers": "x"}).headers) == [
        "access-control-expose-headers"
    ]
