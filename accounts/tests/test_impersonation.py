"""Acting as somebody else: who may, how far it reaches, and how it ends."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import ApiKey, Session
from accounts.services import suspend_user, update_user
from accounts.tasks import end_impersonations
from audit.models import Entry
from restai_site.tests.clients import AuditedClient
from restai_site.tests.world import acting, make_user

REASON = "Ticket 4711: the chat shows nothing"


@pytest.fixture
def admin(as_user, world):
    return as_user(world.platform_admin)


def act_as(browser, user, reason=REASON):
    return browser.post(f"/users/{user.pk}/impersonate", {"reason": reason})


def me(browser):
    return browser.get("/api/me").json()["email"]


@pytest.fixture
def acting_admin(admin, world):
    assert act_as(admin, world.viewer).status_code == 302
    return admin


def test_an_administrator_acts_as_a_user_and_reaches_what_they_reach(acting_admin, world):
    assert me(acting_admin) == world.viewer.email
    assert acting_admin.get(f"/projects/{world.project.pk}").status_code == 200
    assert acting_admin.get(f"/projects/{world.other_project.pk}").status_code == 404
    for path in ("/models", "/settings/mail", "/security", "/admin/", "/users"):
        assert acting_admin.get(path).status_code in {403, 404}, path


def test_every_page_says_so_and_offers_to_stop(acting_admin, world):
    for path in ("/", "/projects", f"/projects/{world.project.pk}/chat", "/profile"):
        text = acting_admin.get(path).content.decode()
        assert "You act as" in text, path
        assert world.viewer.email in text
        assert world.platform_admin.email in text
        assert 'action="/impersonation/end"' in text


def test_both_are_named_in_every_entry(acting_admin, world):
    begin = Entry.objects.get(action="impersonation.begin")
    assert begin.actor_email == world.platform_admin.email
    assert begin.target_id == str(world.viewer.pk)
    assert begin.changes == {"reason": REASON}
    acting_admin.post("/logout")
    entry = Entry.objects.get(action="user.sign_out")
    assert (entry.actor_email, entry.impersonator_email) == (
        world.viewer.email,
        world.platform_admin.email,
    )


@pytest.mark.parametrize("reason", ["", "    ", "abcd", "x" * 201])
def test_a_reason_is_asked_for(admin, world, reason):
    assert act_as(admin, world.viewer, reason).status_code == 400
    assert me(admin) == world.platform_admin.email


@pytest.mark.parametrize("role", ["viewer", "editor", "team_admin", "outsider_admin"])
def test_nobody_else_may(as_user, world, role):
    browser = as_user(getattr(world, role))
    assert act_as(browser, world.member).status_code == 403
    body = {"user": world.member.pk, "reason": REASON}
    answer = browser.post("/api/auth/impersonation", body, content_type="application/json")
    assert answer.status_code in {403, 404}
    assert not Session.objects.filter(impersonator__isnull=False).exists()


def test_no_other_administrator_no_suspended_user_and_not_oneself(admin, world):
    other = make_user("root", is_platform_admin=True)
    suspended = make_user("gone", is_active=False)
    for user in (other, suspended, world.platform_admin):
        assert act_as(admin, user).status_code == 403
    assert me(admin) == world.platform_admin.email


def test_it_cannot_be_chained(acting_admin, world):
    assert act_as(acting_admin, world.editor).status_code == 403
    body = {"user": world.editor.pk, "reason": REASON}
    answer = acting_admin.post("/api/auth/impersonation", body, content_type="application/json")
    assert answer.status_code in {403, 404}
    assert me(acting_admin) == world.viewer.email


def test_a_key_cannot_act_as_anybody(api_as, world):
    body = {"user": world.viewer.pk, "reason": REASON}
    assert api_as(world.platform_admin).post("/api/auth/impersonation", body).status_code == 403


CREDENTIALS = [
    ("get", "/profile/security", {}),
    ("get", "/profile/keys", {}),
    ("post", "/profile/keys", {"name": "mine", "lifetime": "90"}),
    ("post", "/profile/security/password", {"current_password": "a", "password": "b" * 20}),
    ("post", "/profile/security/sessions/end-others", {}),
    ("get", "/api/keys", {}),
    ("post", "/api/keys", {"name": "mine"}),
    ("get", "/api/auth/sessions", {}),
    ("post", "/api/auth/sessions/end-others", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), CREDENTIALS)
def test_the_users_credentials_stay_out_of_reach(acting_admin, world, method, path, body):
    before = world.viewer.password
    answer = getattr(acting_admin, method)(path, body)
    assert answer.status_code == 403
    world.viewer.refresh_from_db()
    assert world.viewer.password == before
    assert not ApiKey.objects.exists()


def test_the_button_ends_it_and_the_administrator_goes_on(acting_admin, world):
    assert acting_admin.post("/impersonation/end").status_code == 302
    assert me(acting_admin) == world.platform_admin.email
    entry = Entry.objects.get(action="impersonation.end")
    assert (entry.actor_email, entry.impersonator_email) == (
        world.viewer.email,
        world.platform_admin.email,
    )
    assert acting_admin.post("/impersonation/end").status_code == 403


def test_a_copied_cookie_of_it_is_worth_nothing_afterwards(acting_admin, world):
    copy = AuditedClient()
    copy.cookies[settings.SESSION_COOKIE_NAME] = acting_admin.cookies["session"].value
    acting_admin.post("/impersonation/end")
    assert copy.get("/api/me").status_code == 401


def test_half_an_hour_ends_it_and_the_administrator_goes_on(acting_admin, world):
    row = Session.objects.get(impersonator__isnull=False)
    left = row.impersonation_ends_at - timezone.now()
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    row.impersonation_ends_at = timezone.now() - timedelta(seconds=1)
    row.save(update_fields=["impersonation_ends_at"])
    assert me(acting_admin) == world.platform_admin.email
    assert acting_admin.get("/security").status_code == 200
    end_impersonations()
    entry = Entry.objects.get(action="impersonation.expire")
    assert entry.target_id == str(world.viewer.pk)
    assert entry.changes["impersonator"]["id"] == world.platform_admin.pk
    assert not Session.objects.filter(impersonator__isnull=False).exists()


def test_logging_out_ends_both(acting_admin):
    acting_admin.post("/logout")
    assert acting_admin.get("/api/me").status_code == 401
    assert not Session.objects.filter(user__isnull=False).exists()


@pytest.mark.parametrize("whom", ["administrator", "user"])
@pytest.mark.parametrize("change", ["suspension", "is_platform_admin"])
def test_a_change_of_either_ones_rights_ends_it(acting_admin, world, whom, change):
    make_user("second", is_platform_admin=True)
    user = world.platform_admin if whom == "administrator" else world.viewer
    actor = acting(make_user("third", is_platform_admin=True))
    if change == "suspension":
        suspend_user(user, actor=actor)
    else:
        update_user(user, {change: not getattr(user, change)}, actor=actor)
    assert not Session.objects.filter(impersonator__isnull=False).exists()
    found = acting_admin.get("/api/me")
    assert found.status_code == 401


def test_the_user_sees_that_an_administrator_is_there_and_can_end_it(acting_admin, world, as_user):
    own = as_user(world.viewer)
    text = own.get("/profile/security").content.decode()
    assert "An administrator, as you" in text
    row = Session.objects.get(impersonator__isnull=False)
    assert own.post(f"/profile/security/sessions/{row.pk}/end").status_code == 302
    assert acting_admin.get("/api/me").status_code == 401


def test_the_api_begins_and_ends_it(admin, world):
    body = {"user": world.viewer.pk, "reason": REASON}
    answer = admin.post("/api/auth/impersonation", body, content_type="application/json")
    assert answer.status_code == 204
    assert me(admin) == world.viewer.email
    assert admin.delete("/api/auth/impersonation").status_code == 204
    assert me(admin) == world.platform_admin.email


def test_a_restricted_user_can_be_acted_as_and_left(admin, world):
    world.viewer.is_restricted = True
    world.viewer.save(update_fields=["is_restricted"])
    assert act_as(admin, world.viewer).status_code == 302
    assert admin.post("/projects/new", {"name": "x"}).status_code == 403
    assert admin.post("/impersonation/end").status_code == 302
