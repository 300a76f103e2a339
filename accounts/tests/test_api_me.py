"""GET and PATCH /api/me."""

from accounts.models import User


def test_without_a_credential_the_answer_is_401_in_problem_details(api):
    answer = api.get("/api/me")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer.json()["code"] == "unauthenticated"


def test_a_key_is_told_whose_it_is_and_how_it_came_in(world, api_as):
    body = api_as(world.viewer).get("/api/me").json()
    assert body["email"] == "viewer@example.org"
    assert body["credential"].startswith("key:")
    assert body["is_platform_admin"] is False


def test_a_session_changes_the_own_name_and_theme(world, as_user):
    answer = as_user(world.viewer).patch(
        "/api/me", {"name": "Vera", "theme": "dark"}, content_type="application/json"
    )
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["theme"]) == ("Vera", "dark")


def test_nobody_promotes_themselves(world, as_user):
    wanted = {"is_platform_admin": True, "is_active": False, "email": "x@example.org", "id": 1}
    answer = as_user(world.viewer).patch("/api/me", wanted, content_type="application/json")
    assert answer.status_code == 200
    user = User.objects.get(pk=world.viewer.pk)
    assert (user.is_platform_admin, user.is_active) == (False, True)
    assert user.email == "viewer@example.org"


def test_a_key_does_not_change_its_owner(world, api_as):
    answer = api_as(world.viewer).patch("/api/me", {"name": "Mallory"})
    assert answer.status_code == 403
    world.viewer.refresh_from_db()
    assert world.viewer.name == "Viewer"
