"""Changing one's own password: by whom, what is asked, what ends."""

import pytest

from accounts.models import ApiKey, Session
from accounts.sections import AuthenticationSection
from audit.models import Entry
from restai_site.lib.configuration import overridden
from restai_site.tests.clients import start_session
from restai_site.tests.mailbox import delivered
from restai_site.tests.world import make_key

pytestmark = pytest.mark.django_db
PASSWORD = "unusual staple of horses"
NEW = "another staple of horses"
PAGE = "/profile/security/password"


@pytest.fixture
def browser(as_user, viewer):
    return as_user(viewer)


def by_page(browser, current=PASSWORD, new=NEW):
    return browser.post(PAGE, {"current_password": current, "password": new})


def by_api(browser, current=PASSWORD, new=NEW):
    body = {"current_password": current, "password": new}
    return browser.post("/api/auth/password", body, content_type="application/json")


WAYS = pytest.mark.parametrize(("change", "done"), [(by_page, 302), (by_api, 204)])


def hash_of(user):
    user.refresh_from_db()
    return user.password


@WAYS
def test_other_sessions_end_this_one_gets_a_new_cookie_and_a_mail_tells_it(
    mailbox, browser, as_user, viewer, change, done
):
    elsewhere, before = as_user(viewer), browser.cookies["session"].value
    assert change(browser).status_code == done
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    assert viewer.password_changed_at is not None
    assert browser.get("/profile").status_code == 200
    assert elsewhere.get("/profile").status_code == 302
    assert browser.cookies["session"].value != before
    browser.cookies["session"] = before
    assert browser.get("/profile").status_code == 302
    assert Session.objects.filter(user=viewer).count() == 1
    (notice,) = delivered()
    assert (notice.to, notice.subject) == ([viewer.email], "Your password was changed")
    assert Entry.objects.filter(action="user.password_change").count() == 1


@WAYS
@pytest.mark.parametrize("current", ["", "wrong", PASSWORD + " "])
def test_the_current_password_is_needed(mailbox, browser, viewer, change, done, current):
    before = hash_of(viewer)
    assert change(browser, current=current).status_code == 400
    assert hash_of(viewer) == before


@WAYS
def test_guesses_at_the_current_password_are_limited(mailbox, browser, viewer, change, done):
    statuses = [change(browser, current="wrong").status_code for _ in range(6)]
    assert statuses == [400] * 5 + [429]
    before = hash_of(viewer)
    assert change(browser).status_code == 429
    assert hash_of(viewer) == before


@WAYS
def test_weak_ones_are_not_counted_as_guesses(mailbox, browser, viewer, change, done):
    assert [change(browser, new="short").status_code for _ in range(7)] == [400] * 7
    assert change(browser).status_code == done


@WAYS
def test_keys_stay_unless_the_settings_say_otherwise(mailbox, browser, viewer, change, done):
    make_key(viewer)
    change(browser)
    assert ApiKey.objects.usable().filter(user=viewer).count() == 1
    with overridden(AuthenticationSection, keys_end_with_password=True):
        assert change(browser, current=NEW, new=PASSWORD).status_code == done
    assert not ApiKey.objects.usable().filter(user=viewer).exists()


@WAYS
def test_nobody_changes_a_password_in_somebody_elses_name(
    mailbox, client, world, viewer, change, done
):
    before = hash_of(viewer)
    client.cookies["session"] = start_session(viewer, impersonator=world.platform_admin)
    assert change(client).status_code == 403
    assert hash_of(viewer) == before


def test_strangers_and_keys_change_nothing(client, api_as, viewer):
    before = hash_of(viewer)
    assert by_api(client).status_code == 401
    assert by_page(client).url == f"/login?next={PAGE}"
    body = {"current_password": PASSWORD, "password": NEW}
    assert api_as(viewer).post("/api/auth/password", body).status_code == 403
    assert hash_of(viewer) == before


def test_a_password_that_is_short_beside_a_second_factor_is_remembered(mailbox, browser, viewer):
    viewer.second_factor_since = viewer.date_joined
    viewer.save()
    assert by_page(browser, new="tr0ubl3dor").status_code == 302
    viewer.refresh_from_db()
    assert viewer.password_is_short
    assert by_page(browser, current="tr0ubl3dor", new=NEW).status_code == 302
    viewer.refresh_from_db()
    assert not viewer.password_is_short


def test_restricted_users_change_their_own(mailbox, browser, viewer):
    viewer.is_restricted = True
    viewer.save()
    assert by_page(browser).status_code == 302
    assert by_api(browser, current=NEW, new=PASSWORD).status_code == 204


def test_somebody_without_a_password_is_told_why(mailbox, as_user, world):
    browser = as_user(world.editor)
    assert "You have none here" in browser.get("/profile/security").content.decode()
    assert by_page(browser).status_code == 400
    world.editor.refresh_from_db()
    assert not world.editor.has_usable_password()
