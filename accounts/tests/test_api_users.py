"""/api/users: for platform administrators."""

from accounts.models import User
from audit.models import Entry

NEW = {"email": "New@Example.org", "password": "correct horse battery", "name": "New"}


def post(browser, body):
    return browser.post("/api/users", body, content_type="application/json")


def patch(browser, user, body):
    return browser.patch(f"/api/users/{user.pk}", body, content_type="application/json")


def test_a_user_is_made_with_one_spelling_of_the_address_and_no_password_comes_back(world, as_user):
    answer = post(as_user(world.platform_admin), NEW)
    assert answer.status_code == 201
    assert answer.json()["email"] == "new@example.org"
    assert "password" not in answer.json()
    assert User.objects.get(email="new@example.org").check_password("correct horse battery")
    assert Entry.objects.latest("id").action == "user.create"


def test_nobody_else_makes_users(world, as_user):
    before = User.objects.count()
    for name in ("viewer", "team_admin", "outsider_admin"):
        assert post(as_user(getattr(world, name)), NEW).status_code == 403
    assert User.objects.count() == before


def test_a_taken_address_is_a_conflict_whatever_its_case(world, as_user):
    answer = post(as_user(world.platform_admin), {**NEW, "email": "VIEWER@example.org"})
    assert answer.status_code == 409
    assert list(answer.json()["errors"]) == ["email"]


def test_a_weak_password_is_explained(world, as_user):
    answer = post(as_user(world.platform_admin), {**NEW, "password": "short"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["password"]
    assert not User.objects.filter(email="new@example.org").exists()


def test_deactivating_a_user_stops_their_session_and_their_key(world, as_user, api_as):
    key, session = api_as(world.viewer), as_user(world.viewer)
    assert (
        patch(as_user(world.platform_admin), world.viewer, {"is_active": False}).status_code == 200
    )
    assert key.get("/api/me").status_code == 401
    assert session.get("/api/me").status_code == 401


def test_the_last_platform_administrator_can_be_neither_demoted_nor_deactivated(world, as_user):
    browser = as_user(world.platform_admin)
    for change in ({"is_platform_admin": False}, {"is_active": False}):
        assert patch(browser, world.platform_admin, change).status_code == 409
    world.platform_admin.refresh_from_db()
    assert world.platform_admin.is_platform_admin
    assert world.platform_admin.is_active


def test_a_password_is_not_changed_here(world, as_user):
    before = world.viewer.password
    answer = patch(
        as_user(world.platform_admin), world.viewer, {"password": "correct horse battery"}
    )
    assert answer.status_code == 200
    world.viewer.refresh_from_db()
    assert world.viewer.password == before


def test_users_are_found_by_the_beginning_of_their_address(world, as_user):
    found = as_user(world.platform_admin).get("/api/users?email=OUT").json()
    assert [user["email"] for user in found["results"]] == [
        "outsider@example.org",
        "outsider-admin@example.org",
    ]
