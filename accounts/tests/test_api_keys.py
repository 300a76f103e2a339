"""/api/keys: one's own keys."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import ApiKey
from audit.models import Entry
from restai_site.tests.world import make_key


def send(browser, body):
    return browser.post("/api/keys", body, content_type="application/json")


def test_the_plaintext_is_shown_once_and_not_kept_by_anybody(world, as_user):
    browser = as_user(world.viewer)
    answer = send(browser, {"name": "Notebook"})
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    assert made["key"].startswith(made["prefix"])
    assert len(made["key"]) == 46
    for path in ("/api/keys", f"/api/keys/{made['id']}"):
        assert made["key"] not in browser.get(path).content.decode()
    assert made["key"] not in str(list(Entry.objects.values()))


def test_the_list_shows_ones_own_keys_only_to_administrators_too(world, as_user):
    make_key(world.viewer, "viewer's")
    make_key(world.platform_admin, "admin's")
    names = [
        key["name"] for key in as_user(world.platform_admin).get("/api/keys").json()["results"]
    ]
    assert names == ["admin's"]


def test_deleting_a_key_revokes_it_and_twice_is_the_same(world, as_user):
    key = make_key(world.viewer)[0]
    browser = as_user(world.viewer)
    for _ in range(2):
        assert browser.delete(f"/api/keys/{key.pk}").status_code == 204
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert Entry.objects.filter(action="api_key.revoke").count() == 1


def test_another_persons_key_is_not_there(world, as_user):
    key = make_key(world.viewer)[0]
    browser = as_user(world.outsider)
    assert browser.get(f"/api/keys/{key.pk}").status_code == 404
    assert browser.delete(f"/api/keys/{key.pk}").status_code == 404
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_platform_administrator_revokes_another_persons_key(world, as_user):
    key = make_key(world.viewer)[0]
    assert as_user(world.platform_admin).delete(f"/api/keys/{key.pk}").status_code == 204
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_key_cannot_be_made_for_somebody_else_or_with_a_known_secret(world, as_user):
    body = {"name": "x", "user": world.outsider.pk, "digest": "0" * 64, "prefix": "rk_known"}
    answer = send(as_user(world.viewer), body)
    assert answer.status_code == 201
    key = ApiKey.objects.get()
    assert key.user == world.viewer
    assert key.digest != "0" * 64


def test_an_expiry_in_the_past_is_refused(world, as_user):
    yesterday = (timezone.now() - timedelta(days=1)).isoformat()
    answer = send(as_user(world.viewer), {"name": "x", "expires_at": yesterday})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["expires_at"]
    assert not ApiKey.objects.exists()
