"""The one flow of sign-in: what it lets through, and what half of it is worth."""

import base64

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from django.utils import timezone

from accounts.models import Session, User
from accounts.sections import AuthenticationSection
from audit.models import Entry
from restai_site.lib.configuration import overridden
from restai_site.tests.clients import AuditedClient

PASSWORD = "unusual staple of horses"
WRONG = "The e-mail address or the password is not right."


@pytest.fixture
def viewer(world):
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    return world.viewer


@pytest.fixture
def administrator(world):
    world.platform_admin.set_password(PASSWORD)
    world.platform_admin.save(update_fields=["password"])
    return world.platform_admin


def log_in(browser, user):
    return browser.post("/login", {"email": user.email, "password": PASSWORD})


def basic(user):
    return "Basic " + base64.b64encode(f"{user.email}:{PASSWORD}".encode()).decode()


def ways_in(user) -> dict[str, bool]:
    """Try every way in by password."""
    page, program = AuditedClient(), AuditedClient()
    body = {"email": user.email, "password": PASSWORD}
    by_api = program.post("/api/auth/sign-in", body, content_type="application/json")
    by_basic = AuditedClient().get("/api/me", HTTP_AUTHORIZATION=basic(user))
    return {
        "page": log_in(page, user).status_code == 302 and page.get("/profile").status_code == 200,
        "api": by_api.status_code == 200 and program.get("/api/me").status_code == 200,
        "basic": by_basic.status_code == 200,
    }


def test_a_password_opens_by_page_api_and_basic(viewer):
    assert ways_in(viewer) == {"page": True, "api": True, "basic": True}


def test_the_entry_says_how_somebody_signed_in(client, viewer):
    log_in(client, viewer)
    entry = Entry.objects.get(action="user.sign_in")
    assert (entry.actor_id, entry.changes) == (viewer.pk, {"amr": ["pwd"]})


def test_nothing_signs_in_by_the_frameworks_own_functions(viewer):
    with pytest.raises(ImproperlyConfigured):
        authenticate(username=viewer.email, password=PASSWORD)


def test_a_user_with_a_second_factor_has_nothing_after_the_password(client, viewer):
    User.objects.filter(pk=viewer.pk).update(second_factor_since=timezone.now())
    answer = log_in(client, viewer)
    assert answer.status_code == 302
    assert answer.url != "/"
    row = Session.objects.get()
    assert (row.user, row.pending_user, row.amr) == (None, viewer, ["pwd"])
    for path in ("/", "/profile", "/profile/security", "/profile/keys", "/projects", "/admin/"):
        assert client.get(path).status_code == 302, path
    for path in ("/api/me", "/api/keys", "/v1/models", "/api/auth/sessions"):
        assert client.get(path).status_code == 401, path
    assert not Entry.objects.filter(action="user.sign_in").exists()


def test_what_waits_for_the_second_factor_waits_a_quarter_of_an_hour(client, viewer):
    User.objects.filter(pk=viewer.pk).update(second_factor_since=timezone.now())
    log_in(client, viewer)
    left = Session.objects.get().expires_at - timezone.now()
    assert 14 * 60 < left.total_seconds() <= 15 * 60


# --- Identity providers only ----------------------------------------------------------------------


@pytest.fixture
def providers_only():
    with overridden(AuthenticationSection, local_sign_in=False):
        yield


def test_where_only_providers_lead_in_every_password_is_refused(
    viewer, administrator, providers_only
):
    for user in (viewer, administrator):
        assert ways_in(user) == {"page": False, "api": False, "basic": False}


def test_the_refusal_does_not_tell_that_the_password_was_right(client, viewer, providers_only):
    answer = log_in(client, viewer)
    assert answer.status_code == 400
    assert WRONG in answer.content.decode()


def test_the_page_shows_no_password_where_none_leads_in(client, db, providers_only):
    assert 'name="password"' not in client.get("/login").content.decode()
    assert client.get("/api/auth").json()["password"] is False


def test_one_administrator_can_break_the_glass(client, viewer, administrator, providers_only):
    with override_settings(BREAK_GLASS_EMAIL=administrator.email.upper()):
        assert 'name="password"' in client.get("/login").content.decode()
        assert ways_in(administrator) == {"page": True, "api": True, "basic": True}
        assert ways_in(viewer) == {"page": False, "api": False, "basic": False}


def test_the_glass_is_for_an_administrator(viewer, providers_only):
    with override_settings(BREAK_GLASS_EMAIL=viewer.email):
        assert ways_in(viewer) == {"page": False, "api": False, "basic": False}
