"""/api/users: for platform administrators; an administrator's key reads and writes nothing."""

import pytest

from accounts.models import Session, User
from audit.models import Entry
from restai_site.tests.background import waiting
from restai_site.tests.limits import redis_away
from restai_site.tests.mailbox import delivered, link_in

NEW = {"email": "New@Example.org", "name": "New"}
OTHERS = ("outsider", "outsider_admin", "viewer", "editor", "team_admin")
# Method, address after /api/users/<id>, body, status for an administrator who is signed in.
WRITES = [
    ("patch", "", {"name": "Renamed"}, 200),
    ("delete", "", {}, 204),
    ("post", "/suspend", {}, 200),
    ("post", "/activate", {}, 200),
    ("post", "/invitation", {}, 409),
    ("delete", "/sessions", {}, 204),
]


@pytest.fixture
def admin(as_user, world):
    return as_user(world.platform_admin)


def send(browser, method, path, body):
    return getattr(browser, method)(path, body, content_type="application/json")


def state(user):
    return User.objects.filter(pk=user.pk).values().first()


@pytest.mark.parametrize(("method", "place", "body", "status"), WRITES)
def test_only_an_administrator_who_is_signed_in_changes_a_user(
    mailbox, world, client, as_user, api_as, method, place, body, status
):
    path = f"/api/users/{world.viewer.pk}{place}"
    session, before = as_user(world.viewer), state(world.viewer)
    assert send(client, method, path, body).status_code == 401
    for name in OTHERS:
        assert send(as_user(getattr(world, name)), method, path, body).status_code == 403
    program = api_as(world.platform_admin)
    assert getattr(program, method)(path, body).status_code == 403
    assert state(world.viewer) == before
    assert session.get("/api/me").status_code == 200
    assert send(as_user(world.platform_admin), method, path, body).status_code == status


def test_the_list_may_be_read_by_an_administrators_key(world, api_as):
    found = api_as(world.platform_admin).get("/api/users").json()
    assert found["count"] == 7
    assert set(found["results"][0]) == {
        *("id", "email", "name", "is_active", "is_platform_admin", "is_restricted", "theme"),
        *("date_joined", "last_login", "invited_at", "second_factor_since"),
        "requests_per_minute",
    }


def test_posting_invites(mailbox, world, admin):
    answer = send(admin, "post", "/api/users", {**NEW, "is_restricted": True})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["email"], made["is_restricted"]) == ("new@example.org", True)
    assert made["invited_at"] is not None
    assert Entry.objects.filter(action="user.invite", target_id=str(made["id"])).count() == 1
    (message,) = delivered()
    assert message.to == ["new@example.org"]
    assert link_in(message).rpartition("/")[2] not in answer.content.decode()


def test_a_password_cannot_be_sent_along(mailbox, admin):
    send(admin, "post", "/api/users", {**NEW, "password": "correct horse battery"})
    assert not User.objects.get(email="new@example.org").has_usable_password()


def test_nobody_else_invites(mailbox, world, client, as_user, api_as):
    before = User.objects.count()
    assert send(client, "post", "/api/users", NEW).status_code == 401
    for name in OTHERS:
        assert send(as_user(getattr(world, name)), "post", "/api/users", NEW).status_code == 403
    assert api_as(world.platform_admin).post("/api/users", NEW).status_code == 403
    assert User.objects.count() == before
    assert waiting() == []


def test_a_taken_address_is_a_conflict_whatever_its_case(mailbox, admin):
    answer = send(admin, "post", "/api/users", {**NEW, "email": "VIEWER@example.org"})
    assert answer.status_code == 409
    assert list(answer.json()["errors"]) == ["email"]


def test_without_redis_nobody_is_made(world, admin, settings):
    before = User.objects.count()
    with redis_away(settings):
        answer = send(admin, "post", "/api/users", NEW)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert User.objects.count() == before


def test_an_invitation_is_sent_again(mailbox, world, admin):
    made = send(admin, "post", "/api/users", NEW).json()
    (first,) = delivered()
    answer = send(admin, "post", f"/api/users/{made['id']}/invitation", {})
    assert answer.status_code == 200
    (second,) = delivered()
    assert link_in(first) != link_in(second)


def test_suspending_stops_session_and_key_at_once(world, admin, as_user, api_as):
    key, session = api_as(world.viewer), as_user(world.viewer)
    answer = send(admin, "post", f"/api/users/{world.viewer.pk}/suspend", {})
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert key.get("/api/me").status_code == 401
    assert session.get("/api/me").status_code == 401
    answer = send(admin, "post", f"/api/users/{world.viewer.pk}/activate", {})
    assert (answer.status_code, answer.json()["is_active"]) == (200, True)


def test_sessions_end_and_the_key_stays(world, admin, as_user, api_as):
    key, session = api_as(world.viewer), as_user(world.viewer)
    assert send(admin, "delete", f"/api/users/{world.viewer.pk}/sessions", {}).status_code == 204
    assert not Session.objects.filter(user=world.viewer).exists()
    assert session.get("/api/me").status_code == 401
    assert key.get("/api/me").status_code == 200


@pytest.mark.parametrize(
    ("method", "place", "body"),
    [
        ("patch", "", {"is_platform_admin": False}),
        ("patch", "", {"is_restricted": True}),
        ("post", "/suspend", {}),
        ("delete", "", {}),
    ],
)
def test_nobody_takes_their_own_access_away(world, admin, method, place, body):
    before = state(world.platform_admin)
    answer = send(admin, method, f"/api/users/{world.platform_admin.pk}{place}", body)
    assert answer.status_code == 409
    assert "Ask another administrator" in answer.json()["detail"]
    assert state(world.platform_admin) == before


@pytest.mark.parametrize(
    "body", [{"password": "correct horse battery"}, {"is_active": False}, {"invited_at": None}]
)
def test_fields_that_are_not_offered_change_nothing(world, admin, body):
    before = state(world.viewer)
    answer = send(admin, "patch", f"/api/users/{world.viewer.pk}", body)
    assert answer.status_code == 200
    assert state(world.viewer) == before


def test_users_are_found_by_the_beginning_of_their_address(world, admin):
    found = admin.get("/api/users?email=OUT").json()
    assert [user["email"] for user in found["results"]] == [
        "outsider@example.org",
        "outsider-admin@example.org",
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("is_restricted=true", ["editor@example.org"]),
        ("is_active=false", ["viewer@example.org"]),
        ("is_invited=true", ["member@example.org"]),
        ("has_second_factor=true", ["outsider@example.org"]),
        ("is_platform_admin=true", ["platform-admin@example.org"]),
    ],
)
def test_users_are_narrowed_by_what_they_are(world, admin, query, expected):
    User.objects.filter(pk=world.editor.pk).update(is_restricted=True)
    User.objects.filter(pk=world.viewer.pk).update(is_active=False)
    User.objects.filter(pk=world.member.pk).update(invited_at=world.member.date_joined)
    User.objects.filter(pk=world.outsider.pk).update(second_factor_since=world.member.date_joined)
    found = admin.get(f"/api/users?{query}").json()
    assert [user["email"] for user in found["results"]] == expected


def test_the_list_asks_few_questions(world, admin, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        assert admin.get("/api/users").status_code == 200
