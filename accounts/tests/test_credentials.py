"""Which keys open the API, and what a key may not do."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiKey, User
from accounts.services import change_password, create_api_key, create_user, revoke_api_key
from audit.models import Entry
from restai_site.lib.actor import Actor
from restai_site.lib.crypto import keyed_digest
from restai_site.lib.errors import Forbidden
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import acting, make_key

PATHS = ("/api/me", "/v1/models")


def with_header(api, value: str, path: str = "/api/me"):
    return api.get(path, HTTP_AUTHORIZATION=value)


@pytest.mark.parametrize("path", PATHS)
def test_a_key_opens_the_api(world, api, path):
    assert with_header(api, f"Bearer {make_key(world.viewer)[1]}", path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "change",
    [
        lambda key, plaintext: f"Bearer {plaintext[:-1]}x",
        lambda key, plaintext: f"Bearer {plaintext[:8]}",
        lambda key, plaintext: f"Bearer {key.prefix}",
        lambda key, plaintext: f"Bearer {key.digest}",
        lambda key, plaintext: f"Bearer rk_{key.digest[:43]}",
        lambda key, plaintext: f"Bearer {plaintext} ",
        lambda key, plaintext: f"Bearer {plaintext}\t",
        lambda key, plaintext: f"Bearer  {plaintext}",
        lambda key, plaintext: f"Bearer {plaintext}\n",
        lambda key, plaintext: f"Bearer {plaintext},{plaintext}",
        lambda key, plaintext: f"Bearer {plaintext.upper()}",
        lambda key, plaintext: f"Bearer {plaintext * 1000}",
        lambda key, plaintext: "Bearer ' OR 1=1 --",
        lambda key, plaintext: "Bearer ü" + plaintext[1:],
        lambda key, plaintext: "Bearer",
        lambda key, plaintext: "Bearer ",
        lambda key, plaintext: plaintext,
        lambda key, plaintext: f"Basic {plaintext}",
        lambda key, plaintext: f"Token {plaintext}",
    ],
)
def test_anything_but_the_key_itself_is_refused(world, api, path, change):
    answer = with_header(api, change(*make_key(world.viewer)), path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("name", ["api_key", "key", "token", "access_token", "authorization"])
def test_a_key_in_the_query_string_is_refused(world, api, name):
    plaintext = make_key(world.viewer)[1]
    assert api.get(f"/api/me?{name}={plaintext}").status_code == 401
    assert api.get(f"/api/me?{name}=Bearer%20{plaintext}").status_code == 401


@pytest.mark.parametrize("header", ["HTTP_COOKIE", "HTTP_X_FORWARDED_USER"])
def test_a_key_in_another_header_is_refused(world, api, header):
    assert api.get("/api/me", **{header: make_key(world.viewer)[1]}).status_code == 401


def test_a_bad_key_is_not_rescued_by_a_session(world, as_user):
    browser = as_user(world.viewer)
    assert browser.get("/api/me").status_code == 200
    assert browser.get("/api/me", HTTP_AUTHORIZATION="Bearer wrong").status_code == 401


def test_a_revoked_an_expired_and_an_inactive_owners_key_are_refused_at_once(world, api):
    now = timezone.now()
    changes = [
        lambda key: ApiKey.objects.filter(pk=key.pk).update(revoked_at=now),
        lambda key: ApiKey.objects.filter(pk=key.pk).update(expires_at=now),
        lambda key: User.objects.filter(pk=key.user_id).update(is_active=False),
    ]
    for change in changes:
        key, plaintext = make_key(world.viewer)
        assert with_header(api, f"Bearer {plaintext}").status_code == 200
        change(key)
        assert with_header(api, f"Bearer {plaintext}").status_code == 401


def test_revoking_one_key_leaves_the_others(world, api):
    (first, old), (_, other) = make_key(world.viewer), make_key(world.viewer)
    revoke_api_key(first, actor=acting(world.viewer))
    assert with_header(api, f"Bearer {old}").status_code == 401
    assert with_header(api, f"Bearer {other}").status_code == 200


def test_a_demoted_administrators_key_loses_its_power_at_once(world, api_as):
    client = api_as(world.platform_admin)
    assert client.get("/api/users").status_code == 200
    User.objects.filter(pk=world.platform_admin.pk).update(is_platform_admin=False)
    assert client.get("/api/users").status_code == 403


def test_last_used_is_written_at_most_once_a_minute(world, api):
    key, plaintext = make_key(world.viewer)

    def use() -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            with_header(api, f"Bearer {plaintext}")
        return [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]

    assert len(use()) == 1
    key.refresh_from_db()
    first = key.last_used_at
    assert first is not None
    assert use() == []
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=first - timedelta(seconds=61))
    assert len(use()) == 1


def test_the_plaintext_of_a_key_is_in_no_table(world):
    key, plaintext = make_key(world.viewer)
    assert tables_holding(plaintext) == []
    assert tables_holding(key.digest) == ["accounts_apikey"]


def test_a_key_cannot_mint_a_key_revoke_one_or_change_a_password(world, api_as):
    client = api_as(world.viewer)
    before = (ApiKey.objects.count(), Entry.objects.acts().count())
    key = ApiKey.objects.get(user=world.viewer)
    assert client.post("/api/keys", {"name": "second"}).status_code == 403
    assert client.delete(f"/api/keys/{key.pk}").status_code == 403
    assert client.post("/profile/keys", {"name": "second"}).status_code == 403
    actor = Actor(user_id=world.viewer.pk, email="", credential=f"key:{key.pk}", api_key_id=key.pk)
    with pytest.raises(Forbidden):
        create_api_key(world.viewer, name="second", actor=actor)
    with pytest.raises(Forbidden):
        change_password(world.viewer, current_password="", new="correct horse battery", actor=actor)
    assert (ApiKey.objects.count(), Entry.objects.acts().count()) == before


def test_a_key_of_an_administrator_makes_no_users(world, api_as):
    body = {"email": "x@example.org"}
    client = api_as(world.platform_admin)
    assert client.post("/api/users", {**body, "is_platform_admin": True}).status_code == 403
    assert client.post("/api/users", body).status_code == 403
    assert not User.objects.filter(email="x@example.org").exists()


def test_a_session_that_writes_needs_the_csrf_token(world):
    from restai_site.tests.clients import AuditedClient

    browser = AuditedClient(enforce_csrf_checks=True)
    browser.force_login(world.viewer)
    answer = browser.patch("/api/me", {"name": "x"}, content_type="application/json")
    assert answer.status_code == 403
    assert answer.json()["code"] == "csrf"
    assert browser.get("/api/me").status_code == 200


def test_a_session_of_a_deactivated_user_is_nobody(world, as_user):
    browser = as_user(world.viewer)
    User.objects.filter(pk=world.viewer.pk).update(is_active=False)
    assert browser.get("/api/me").status_code == 401


def test_the_digest_depends_on_the_pepper_of_the_server(settings):
    first = keyed_digest("rk_x")
    settings.API_KEY_PEPPER = "another pepper " * 5
    assert keyed_digest("rk_x") != first


def test_trusted_looking_headers_and_method_overrides_do_nothing(world, api_as):
    client = api_as(world.viewer)
    for header in ("HTTP_X_FORWARDED_USER", "HTTP_X_REMOTE_USER", "HTTP_REMOTE_USER"):
        assert client.get("/api/users", **{header: world.platform_admin.email}).status_code == 403
    answer = client.post("/api/me", {}, HTTP_X_HTTP_METHOD_OVERRIDE="PATCH")
    assert answer.status_code == 405
    answer = client.get("/api/me", HTTP_X_ORIGINAL_URL="/api/users")
    assert answer.json()["email"] == world.viewer.email


def test_a_weak_password_makes_no_user(world):
    from restai_site.lib.errors import Invalid

    actor = Actor.system("tests")
    with pytest.raises(Invalid):
        create_user(email="x@example.org", password="short", actor=actor)
