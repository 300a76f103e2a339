"""When a session ends: at the next request, on every way in."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Session
from accounts.sections import AuthenticationSection
from accounts.services import create_user, suspend_user, update_user
from accounts.sessions import lifecycle
from accounts.sessions.store import SessionStore
from accounts.tasks import clear_expired_sessions
from audit.models import Entry
from restai_site.lib.configuration import overridden
from restai_site.tests.clients import AuditedClient
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import SYSTEM, acting

PASSWORD = "unusual staple of horses"
NEW = "another staple of horses"


@pytest.fixture
def viewer(world):
    world.viewer.set_password(PASSWORD)
    world.viewer.save(update_fields=["password"])
    return world.viewer


@pytest.fixture
def log_in(viewer):
    """Return a function that signs the viewer in as a browser does."""

    def sign_in(**headers) -> AuditedClient:
        browser = AuditedClient(headers=headers)
        answer = browser.post("/login", {"email": viewer.email, "password": PASSWORD})
        assert answer.status_code == 302
        return browser

    return sign_in


def is_in(browser) -> bool:
    page, api = browser.get("/profile").status_code, browser.get("/api/me").status_code
    assert (page, api) in {(200, 200), (302, 401)}
    return page == 200


def cookie_of(browser):
    return browser.cookies[settings.SESSION_COOKIE_NAME]


def test_the_cookie_is_for_the_server_alone(log_in):
    cookie = cookie_of(log_in())
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
    assert 0 < int(cookie["max-age"]) <= 14 * 24 * 3600


def test_behind_tls_the_cookie_is_secure(log_in, settings):
    settings.SESSION_COOKIE_SECURE = True
    assert cookie_of(log_in())["secure"]


def test_logging_out_ends_the_session_for_a_copied_cookie_too(log_in):
    browser = log_in()
    copy = AuditedClient()
    copy.cookies[settings.SESSION_COOKIE_NAME] = cookie_of(browser).value
    assert is_in(copy)
    browser.post("/logout")
    assert not is_in(browser)
    assert not is_in(copy)


def test_each_log_in_has_a_session_and_an_id_of_its_own(log_in):
    first = log_in()
    before = cookie_of(first).value
    first.post("/logout")
    first.post("/login", {"email": "viewer@example.org", "password": PASSWORD})
    assert cookie_of(first).value != before
    assert Session.objects.filter(user__isnull=False).count() == 1


def test_logging_out_everywhere_else_leaves_this_one(log_in, viewer):
    here, there, other = log_in(), log_in(), log_in()
    assert here.post("/profile/security/sessions/end-others").status_code == 302
    assert (is_in(here), is_in(there), is_in(other)) == (True, False, False)
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.changes) == ("session.end_others", {"ended": 2})


def test_one_session_is_ended_from_another(log_in, viewer):
    here, there = log_in(), log_in()
    row = Session.objects.filter(user=viewer).latest("created_at")
    assert here.post(f"/profile/security/sessions/{row.pk}/end").status_code == 302
    assert (is_in(here), is_in(there)) == (True, False)


def test_nobody_ends_the_session_of_somebody_else(log_in, viewer, as_user, world):
    browser = log_in()
    row = Session.objects.get(user=viewer)
    for stranger in (world.outsider, world.team_admin, world.platform_admin):
        other = as_user(stranger)
        assert other.post(f"/profile/security/sessions/{row.pk}/end").status_code == 404
        assert other.delete(f"/api/auth/sessions/{row.pk}").status_code == 404
    assert is_in(browser)


def test_a_key_sees_and_ends_no_session(world, api_as, as_user):
    as_user(world.viewer)
    row = Session.objects.get(user=world.viewer)
    program = api_as(world.viewer)
    assert program.get("/api/auth/sessions").status_code == 403
    assert program.delete(f"/api/auth/sessions/{row.pk}").status_code == 403
    assert program.post("/api/auth/sessions/end-others").status_code == 403
    assert program.post("/api/auth/sign-out").status_code == 403
    assert Session.objects.filter(pk=row.pk).exists()


def test_the_api_lists_ones_own_sessions_and_ends_them(log_in, viewer, as_user, world):
    as_user(world.editor)
    here = log_in(**{"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Firefox/130.0"})
    there = log_in()
    rows = here.get("/api/auth/sessions").json()["results"]
    assert [row["is_current"] for row in rows] == [False, True]
    assert rows[1]["device"] == "Firefox on Linux"
    assert rows[1]["place"] == "This server itself"
    assert rows[1]["amr"] == ["pwd"]
    assert here.delete(f"/api/auth/sessions/{rows[0]['id']}").status_code == 204
    assert (is_in(here), is_in(there)) == (True, False)


def test_a_new_password_ends_other_sessions_and_gives_this_one_a_new_id(log_in):
    here, there = log_in(), log_in()
    copy = AuditedClient()
    copy.cookies[settings.SESSION_COOKIE_NAME] = cookie_of(here).value
    body = {"current_password": PASSWORD, "password": NEW}
    assert here.post("/profile/security/password", body).status_code == 302
    assert (is_in(here), is_in(there), is_in(copy)) == (True, False, False)


@pytest.mark.parametrize("change", ["suspension", "is_restricted", "is_platform_admin"])
def test_a_change_of_rights_ends_every_session_of_the_user(log_in, viewer, world, change):
    browser, actor = log_in(), acting(world.platform_admin)
    if change == "suspension":
        suspend_user(viewer, actor=actor)
    else:
        update_user(viewer, {change: True}, actor=actor)
    assert not is_in(browser)
    assert not Session.objects.filter(user=viewer).exists()


def test_a_change_of_the_name_ends_none(log_in, viewer, world):
    browser = log_in()
    update_user(viewer, {"name": "Vera"}, actor=acting(world.platform_admin))
    assert is_in(browser)


def test_a_suspension_past_the_services_stops_a_session_too(log_in, viewer):
    browser = log_in()
    viewer.is_active = False
    viewer.save(update_fields=["is_active"])
    assert not is_in(browser)


def test_a_session_ends_when_it_is_idle_for_too_long(log_in):
    browser = log_in()
    with overridden(AuthenticationSection, session_idle_minutes=60):
        Session.objects.update(last_seen_at=timezone.now() - timedelta(minutes=59))
        assert is_in(browser)
        assert Session.objects.get().last_seen_at > timezone.now() - timedelta(minutes=1)
        Session.objects.update(last_seen_at=timezone.now() - timedelta(minutes=61))
        assert not is_in(browser)


def test_a_session_ends_in_the_end_however_busy_it_is(log_in):
    with overridden(AuthenticationSection, session_absolute_hours=2):
        browser = log_in()
    row = Session.objects.get()
    assert timedelta(hours=1, minutes=59) < row.expires_at - timezone.now() <= timedelta(hours=2)
    Session.objects.update(expires_at=timezone.now())
    assert not is_in(browser)


def test_being_seen_is_written_once_a_minute(log_in, django_assert_num_queries):
    browser = log_in()
    browser.get("/api/me")
    with django_assert_num_queries(2):  # the session with its user; what the answer shows
        browser.get("/api/me")


def test_what_nobody_signed_in_at_is_cleared_away_once_it_has_ended(log_in, viewer):
    log_in()
    past = timezone.now() - timedelta(seconds=1)
    times = {"created_at": past, "last_seen_at": past}
    Session.objects.create(expires_at=past, **times)
    living = Session.objects.create(expires_at=past + timedelta(hours=1), **times)
    Session.objects.filter(user=viewer).update(expires_at=past)
    clear_expired_sessions()
    # That of somebody is kept for as long as the settings of retention say.
    assert set(Session.objects.values_list("user", flat=True)) == {None, viewer.pk}
    assert Session.objects.get(user=None) == living


def test_what_a_session_holds_is_encrypted(world):
    row = Session.objects.create(
        created_at=timezone.now(),
        last_seen_at=timezone.now(),
        expires_at=timezone.now() + timedelta(hours=1),
    )
    store = SessionStore.opened(row)
    store["verifier"] = "a verifier that nobody may read"
    store.save()
    assert tables_holding("a verifier that nobody may read") == []
    again = SessionStore(store.session_key)
    assert again["verifier"] == "a verifier that nobody may read"


def test_a_session_that_was_ended_meanwhile_is_not_written_back(world):
    row = Session.objects.create(
        created_at=timezone.now(),
        last_seen_at=timezone.now(),
        expires_at=timezone.now() + timedelta(hours=1),
    )
    store = SessionStore.opened(row)
    store["x"] = 1
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        store.save()
    assert not Session.objects.exists()


def test_ending_all_takes_those_half_begun_along(world):
    times = {
        "created_at": timezone.now(),
        "last_seen_at": timezone.now(),
        "expires_at": timezone.now() + timedelta(hours=1),
    }
    for values in ({"user": world.viewer}, {"pending_user": world.viewer}):
        Session.objects.create(**values, **times)
    Session.objects.create(user=world.editor, impersonator=world.viewer, **times)
    other = Session.objects.create(user=world.editor, **times)
    assert lifecycle.end_all_of(world.viewer) == 3
    assert list(Session.objects.all()) == [other]


def test_the_page_of_sessions_says_where_one_is_signed_in(log_in):
    here = log_in(**{"User-Agent": "Mozilla/5.0 (iPhone) CriOS/120 Mobile Safari/604.1"})
    log_in()
    text = here.get("/profile/security").content.decode()
    assert "Chrome on iPhone" in text
    assert "Unknown device" in text
    assert "This one" in text
    assert "Log out everywhere else" in text


def test_the_page_of_sessions_costs_the_same_however_many_there_are(log_in):
    here = log_in()
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert here.get("/profile/security").status_code == 200
        counts.append(len(queries))
        for _ in range(5):
            log_in()
    assert counts[0] == counts[1] <= 12


def test_a_user_who_is_made_has_no_session(world):
    user = create_user(email="new@example.org", password=PASSWORD, actor=SYSTEM)
    assert not Session.objects.filter(user=user).exists()


# --- The API signs in as the page does ------------------------------------------------------------


def token_of(browser) -> str:
    return browser.get("/api/auth").json()["csrf_token"]


def test_the_api_tells_the_ways_in(client, log_in):
    said = client.get("/api/auth").json()
    assert (said["password"], said["signed_in"]) == (True, False)
    assert log_in().get("/api/auth").json()["signed_in"] is True


def test_a_page_signs_in_and_out_by_the_api(viewer):
    browser = AuditedClient(enforce_csrf_checks=True)
    headers = {"X-CSRFToken": token_of(browser)}
    body = {"email": viewer.email, "password": PASSWORD}
    answer = browser.post(
        "/api/auth/sign-in", body, content_type="application/json", headers=headers
    )
    assert (answer.status_code, answer.json()) == (200, {"second_factor": False})
    assert is_in(browser)
    assert browser.post("/api/auth/sign-out").status_code == 403
    headers = {"X-CSRFToken": token_of(browser)}
    assert browser.post("/api/auth/sign-out", headers=headers).status_code == 204
    assert not is_in(browser)


def test_signing_in_by_the_api_needs_a_csrf_token(viewer):
    browser = AuditedClient(enforce_csrf_checks=True)
    body = {"email": viewer.email, "password": PASSWORD}
    answer = browser.post("/api/auth/sign-in", body, content_type="application/json")
    assert answer.status_code == 403
    assert not Session.objects.filter(user=viewer).exists()


def test_a_wrong_password_is_refused_by_the_api_in_the_same_words(viewer, client):
    body = {"email": viewer.email, "password": "wrong"}
    answer = client.post("/api/auth/sign-in", body, content_type="application/json")
    assert answer.status_code == 401
    assert answer.json()["detail"] == "The e-mail address or the password is not right."
