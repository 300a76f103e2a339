"""Basic authentication: an e-mail address and a password, from a script."""

from base64 import b64encode

import pytest
from django.conf import settings as platform
from django.utils import timezone

from accounts.models import ApiKey, AttemptCounter, Session, User
from accounts.sections import AuthenticationSection
from restai_site.lib.configuration import overridden
from restai_site.tests.clients import AuditedAPIClient
from restai_site.tests.world import make_key

PASSWORD = "correct horse battery staple"
PATHS = ("/api/me", "/v1/models")


@pytest.fixture
def viewer(world):
    world.viewer.set_password(PASSWORD)
    world.viewer.save()
    return world.viewer


def encoded(text: str | bytes) -> str:
    return "Basic " + b64encode(text.encode() if isinstance(text, str) else text).decode()


def send(email: str, password: str, path: str = "/api/me", **headers):
    header = encoded(f"{email}:{password}")
    return AuditedAPIClient().get(path, HTTP_AUTHORIZATION=header, **headers)


def told(answer) -> tuple[int, object]:
    said = answer.json()
    said.pop("request_id", None)
    return answer.status_code, said


@pytest.mark.parametrize("path", PATHS)
def test_the_right_password_opens_the_api(viewer, path):
    assert send(viewer.email, PASSWORD, path).status_code == 200
    assert send(viewer.email.upper(), PASSWORD, path).status_code == 200


def test_the_caller_is_the_user_and_the_credential_is_named(viewer):
    shown = send(viewer.email, PASSWORD).json()
    assert (shown["email"], shown["credential"], shown["scope"]) == (viewer.email, "basic", "full")


def test_a_password_may_hold_colons_spaces_and_any_letters(viewer):
    for password in (": a:b:c and more words", "пароль из нескольких слов", " spaces around it "):
        viewer.set_password(password)
        viewer.save()
        assert send(viewer.email, password).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_everything_that_is_wrong_is_answered_alike(viewer, world, path):
    suspended, without = world.editor, world.member
    suspended.set_password(PASSWORD)
    suspended.is_active = False
    suspended.save()
    attempts = [
        send(viewer.email, "wrong", path),
        send("nobody@example.org", PASSWORD, path),
        send(suspended.email, PASSWORD, path),
        send(without.email, PASSWORD, path),
        send(without.email, "", path),
        send("", "", path),
        send("", PASSWORD, path),
    ]
    assert {told(answer)[0] for answer in attempts} == {401}
    assert len({str(told(answer)) for answer in attempts}) == 1
    assert all(answer["WWW-Authenticate"] == 'Bearer realm="api"' for answer in attempts)


@pytest.mark.parametrize(
    "header",
    [
        *("Basic", "Basic ", "Basic !!!", "Basic a", "Basic YQ", "Basic YTpi YTpi"),
        *(encoded("no colon"), encoded("a\x00:b"), encoded("a:b\x00"), encoded(b"\xff\xfe:\xff")),
        *(encoded("a" * 2000 + ":b"), encoded("a:" + "b" * 1000), encoded("a:b") + "\n"),
    ],
)
def test_a_malformed_header_is_refused_and_costs_no_comparison(viewer, header):
    answer = AuditedAPIClient().get("/api/me", HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401
    assert not AttemptCounter.objects.exists()


def test_a_user_with_a_second_factor_cannot_use_the_password_alone(viewer):
    User.objects.filter(pk=viewer.pk).update(second_factor_since=timezone.now())
    answer = send(viewer.email, PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_needed")
    assert told(send(viewer.email, "wrong"))[1]["code"] == "sign_in_refused"


def test_where_a_second_factor_is_required_of_all_the_password_alone_opens_nothing(viewer):
    with overridden(AuthenticationSection, second_factor="everyone"):
        answer = send(viewer.email, PASSWORD)
        assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_required")
        assert send(viewer.email, PASSWORD, "/v1/models").status_code == 403


def test_where_only_identity_providers_lead_in_it_is_closed(viewer, world, settings):
    admin = world.platform_admin
    admin.set_password(PASSWORD)
    admin.save()
    wrong = told(send(viewer.email, "wrong"))
    with overridden(AuthenticationSection, local_sign_in=False):
        assert told(send(viewer.email, PASSWORD)) == wrong
        assert send(admin.email, PASSWORD).status_code == 401
        settings.BREAK_GLASS_EMAIL = admin.email
        assert send(admin.email, PASSWORD).status_code == 200
        assert send(viewer.email, PASSWORD).status_code == 401


def test_it_shares_the_limiter_with_the_log_in_page(viewer, client):
    form = {"email": viewer.email, "password": "wrong"}
    for _ in range(3):
        assert send(viewer.email, "wrong").status_code == 401
    for _ in range(2):
        assert client.post("/login", form).status_code == 400
    answer = send(viewer.email, PASSWORD)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert client.post("/login", {**form, "password": PASSWORD}).status_code == 429
    assert send(viewer.email, PASSWORD, "/v1/models").status_code == 429


def test_success_forgets_the_failures(viewer):
    for _ in range(3):
        for _ in range(4):
            assert send(viewer.email, "wrong").status_code == 401
        assert send(viewer.email, PASSWORD).status_code == 200


def test_it_makes_no_session_no_key_and_no_cookie(viewer):
    answer = send(viewer.email, PASSWORD)
    assert not answer.cookies
    assert not Session.objects.exists()
    assert not ApiKey.objects.exists()
    header = {"HTTP_AUTHORIZATION": encoded(f"{viewer.email}:{PASSWORD}")}
    key, _ = make_key(viewer)
    client = AuditedAPIClient()
    assert client.post("/api/keys", {"name": "x"}, format="json", **header).status_code == 403
    assert client.post(f"/api/keys/{key.pk}/rotate", **header).status_code == 403
    assert client.delete(f"/api/keys/{key.pk}", **header).status_code == 403
    assert client.get("/api/keys", **header).status_code == 403
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize("path", ["/", "/profile", "/profile/keys", "/projects", "/admin/"])
def test_it_opens_no_page(viewer, client, path):
    header = encoded(f"{viewer.email}:{PASSWORD}")
    answer = client.get(path, headers={"Authorization": header})
    assert answer.status_code == 403
    assert platform.SESSION_COOKIE_NAME not in answer.cookies


def test_it_is_not_rescued_by_a_cookie_or_a_key(viewer, as_user):
    browser = as_user(viewer)
    wrong = {"Authorization": encoded(f"{viewer.email}:wrong")}
    assert browser.get("/api/me", headers=wrong).status_code == 401
    right = {"Authorization": encoded(f"{viewer.email}:{PASSWORD}")}
    key = {"X-API-Key": make_key(viewer)[1]}
    assert browser.get("/api/me", headers={**right, **key}).status_code == 401


def test_a_write_needs_no_csrf_token_for_no_browser_sends_it_by_itself(viewer, world):
    world.viewer.project_memberships.update(role="editor")
    client = AuditedAPIClient(enforce_csrf_checks=True)
    header = {"HTTP_AUTHORIZATION": encoded(f"{viewer.email}:{PASSWORD}")}
    path = f"/api/projects/{world.project.pk}"
    assert client.patch(path, {"name": "New"}, format="json", **header).status_code == 200


def test_a_restricted_user_stays_restricted(viewer, world):
    world.viewer.project_memberships.update(role="editor")
    User.objects.filter(pk=viewer.pk).update(is_restricted=True)
    header = {"HTTP_AUTHORIZATION": encoded(f"{viewer.email}:{PASSWORD}")}
    path = f"/api/projects/{world.project.pk}"
    answer = AuditedAPIClient().patch(path, {"name": "New"}, format="json", **header)
    assert (answer.status_code, answer.json()["code"]) == (403, "restricted")


def test_the_password_is_in_no_log(viewer, caplog):
    with caplog.at_level("DEBUG"):
        send(viewer.email, PASSWORD)
        send(viewer.email, "a wrong password indeed")
    assert PASSWORD not in caplog.text
    assert "a wrong password indeed" not in caplog.text
    assert b64encode(f"{viewer.email}:{PASSWORD}".encode()).decode() not in caplog.text


def test_the_browser_is_never_asked_for_a_password_by_a_dialog(client, db):
    """A challenge to Basic would open the browser's own dialog over the page."""
    for path in ("/api/me", "/v1/models"):
        assert client.get(path)["WWW-Authenticate"] == 'Bearer realm="api"'
