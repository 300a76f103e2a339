"""/api/keys: one's own keys."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ApiKey
from audit.models import Entry
from restai_site.tests.world import make_key

JSON = {"content_type": "application/json"}


def send(browser, body):
    return browser.post("/api/keys", body, **JSON)


def rotate(browser, key, body=None):
    return browser.post(f"/api/keys/{key.pk}/rotate", body or {}, **JSON)


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


def test_a_key_is_made_with_limits_and_shows_them(world, as_user):
    limits = {
        "scope": "read",
        "project_ids": [world.project.pk],
        "team_id": None,
        "allowed_networks": ["192.0.2.7", "::ffff:192.0.2.8/128"],
    }
    browser = as_user(world.viewer)
    made = send(browser, {"name": "Report", **limits})
    assert made.status_code == 201
    shown = browser.get(f"/api/keys/{made.json()['id']}").json()
    kept = {**limits, "allowed_networks": ["192.0.2.7/32", "192.0.2.8/32"]}
    assert {name: shown[name] for name in limits} == kept
    assert (shown["rotated_at"], shown["previous_until"], shown["revoked_at"]) == (None,) * 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scope", "admin"),
        ("scope", None),
        ("project_ids", []),
        ("project_ids", [2_000_000_000]),
        ("project_ids", [0]),
        ("project_ids", [2**64]),
        ("project_ids", ["1; DROP TABLE"]),
        ("project_ids", "1"),
        ("team_id", 2_000_000_000),
        ("team_id", "x"),
        ("allowed_networks", ["office"]),
        ("allowed_networks", ["10.0.0.0/99"]),
        ("allowed_networks", ["10.0.0.1"] * 51),
        ("allowed_networks", None),
    ],
)
def test_a_wrong_limit_makes_no_key_rather_than_one_without_it(world, as_user, field, value):
    answer = send(as_user(world.viewer), {"name": "x", field: value})
    assert answer.status_code == 400
    assert {name.partition(".")[0] for name in answer.json()["errors"]} == {field}
    assert not ApiKey.objects.exists()


def test_another_teams_project_is_as_good_as_missing(world, as_user):
    browser = as_user(world.viewer)

    def answer(number):
        said = send(browser, {"name": "x", "project_ids": [number]}).json()
        return {**said, "request_id": ""}

    assert answer(world.other_project.pk) == answer(2_000_000_000)


def test_rotating_answers_the_new_secret_once(world, as_user, api):
    key, old = make_key(world.viewer, "Report", scope="read")
    browser = as_user(world.viewer)
    answer = rotate(browser, key, {"overlap_minutes": 5})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    shown = answer.json()
    assert (shown["id"], shown["name"], shown["scope"]) == (key.pk, "Report", "read")
    assert shown["key"].startswith(shown["prefix"])
    for plaintext in (old, shown["key"]):
        assert api.with_key(plaintext).get("/api/me").status_code == 200
    for path in ("/api/keys", f"/api/keys/{key.pk}"):
        assert shown["key"] not in browser.get(path).content.decode()
    assert shown["key"] not in str(list(Entry.objects.values()))


def test_without_a_body_the_old_secret_stops_at_once(world, as_user, api):
    key, old = make_key(world.viewer)
    assert rotate(as_user(world.viewer), key).json()["previous_until"] is None
    assert api.with_key(old).get("/api/me").status_code == 401


@pytest.mark.parametrize("minutes", [-1, 10081, "soon", None, 1e99])
def test_a_wrong_overlap_rotates_nothing(world, as_user, minutes):
    key, _ = make_key(world.viewer)
    before = ApiKey.objects.values().get()
    answer = rotate(as_user(world.viewer), key, {"overlap_minutes": minutes})
    assert answer.status_code == 400
    assert ApiKey.objects.values().get() == before


def test_a_revoked_key_is_not_rotated(world, as_user):
    key, _ = make_key(world.viewer)
    ApiKey.objects.update(revoked_at=timezone.now())
    assert rotate(as_user(world.viewer), key).status_code == 409


def test_nobody_else_rotates_or_renames_a_key(world, as_user, client, api_as):
    key, _ = make_key(world.viewer)
    before = ApiKey.objects.values().get()
    expected = {None: 401, world.outsider: 404, world.platform_admin: 403}
    for user, status in expected.items():
        browser = as_user(user) if user else client
        assert rotate(browser, key).status_code == status
        path = f"/api/keys/{key.pk}"
        assert browser.patch(path, {"name": "Mine"}, **JSON).status_code == status
    assert api_as(world.viewer).post(f"/api/keys/{key.pk}/rotate").status_code == 403
    assert ApiKey.objects.values().get(pk=key.pk) == before


def test_a_patch_changes_the_name_and_never_what_a_key_reaches(world, as_user):
    key, _ = make_key(world.viewer, scope="read", project_ids=[world.project.pk])
    before = ApiKey.objects.values().get()
    wider = {"scope": "full", "project_ids": None, "allowed_networks": [], "expires_at": None}
    answer = as_user(world.viewer).patch(f"/api/keys/{key.pk}", {"name": "New", **wider}, **JSON)
    assert answer.status_code == 200
    assert ApiKey.objects.values().get() == {**before, "name": "New"}


def test_the_list_is_paged_and_asks_few_questions(world, as_user, django_assert_max_num_queries):
    for number in range(30):
        make_key(world.viewer, f"key {number}", project_ids=[world.project.pk])
    browser = as_user(world.viewer)
    with django_assert_max_num_queries(4):
        answer = browser.get("/api/keys?page_size=25").json()
    assert (answer["count"], len(answer["results"])) == (30, 25)


def test_me_tells_a_program_what_its_key_reaches(world, api):
    limits = {"scope": "read", "project_ids": [world.project.pk]}
    key, plaintext = make_key(world.platform_admin, **limits)
    shown = api.with_key(plaintext).get("/api/me").json()
    expected = {**limits, "team_id": None, "credential": f"key:{key.pk}"}
    assert {name: shown[name] for name in expected} == expected
    assert shown["is_platform_admin"] is False
