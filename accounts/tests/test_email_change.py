"""Changing one's own address: the password asks, the new address confirms, the old one is told."""

import pytest

from accounts.models import MailedLink, User
from audit.models import Entry
from restai_site.tests.background import run_queued, waiting
from restai_site.tests.canaries import watch
from restai_site.tests.mailbox import delivered, link_in, token_in
from restai_site.tests.world import make_key

pytestmark = pytest.mark.django_db
PASSWORD = "unusual staple of horses"
PAGE = "/email"
ASK = "/profile/security/email"
NEW = "new@example.org"


@pytest.fixture
def browser(as_user, viewer):
    return as_user(viewer)


def ask(browser, email=NEW, password=PASSWORD):
    return browser.post(ASK, {"email": email, "current_password": password})


@pytest.fixture
def mailed(mailbox, browser):
    ask(browser)
    link, _ = sorted(delivered(), key=lambda message: message.subject, reverse=False)[::-1]
    watch("address token", token_in(link))
    return link_in(link)


def follow(client, path):
    answer = client.get(path)
    return client.get(answer.url) if answer.status_code == 302 else answer


def email_of(user):
    user.refresh_from_db()
    return user.email


def test_asking_changes_nothing_and_mails_both_addresses(mailbox, browser, viewer):
    assert ask(browser, "New@Example.org").status_code == 302
    mails = {message.to[0]: message for message in delivered()}
    assert set(mails) == {NEW, "viewer@example.org"}
    assert link_in(mails[NEW]).startswith(f"{PAGE}/")
    assert NEW in mails["viewer@example.org"].body
    assert email_of(viewer) == "viewer@example.org"
    entry = Entry.objects.filter(action="user.email_change_request").get()
    assert entry.changes == {"email": NEW}


def test_the_link_makes_the_change_by_a_button_and_the_old_address_is_told(client, mailed, viewer):
    assert follow(client, mailed).status_code == 200
    assert email_of(viewer) == "viewer@example.org"
    assert client.post(PAGE).status_code == 302
    assert email_of(viewer) == NEW
    entry = Entry.objects.filter(action="user.email_change").get()
    assert entry.changes == {"email": {"before": "viewer@example.org", "after": NEW}}
    (notice,) = delivered()
    assert (notice.to, notice.subject) == (
        ["viewer@example.org"],
        "Your e-mail address was changed",
    )
    assert follow(client, mailed).status_code == 404


@pytest.mark.parametrize("password", ["", "wrong", " " + PASSWORD])
def test_the_current_password_is_needed(mailbox, browser, viewer, password):
    assert ask(browser, password=password).status_code == 400
    assert waiting() == []
    assert email_of(viewer) == "viewer@example.org"


def test_guessing_the_current_password_is_limited(mailbox, browser):
    statuses = [ask(browser, password="wrong").status_code for _ in range(7)]
    assert statuses == [400] * 5 + [429] * 2
    assert ask(browser).status_code == 429
    assert waiting() == []


def test_strangers_are_sent_to_the_log_in(client, db):
    assert ask(client).url == f"/login?next={ASK}"


def test_a_key_asks_for_nothing(mailbox, api, viewer):
    api.with_key(make_key(viewer)[1])
    body = {"email": NEW, "current_password": PASSWORD}
    assert api.post("/api/auth/email", body).status_code == 403
    assert waiting() == []


def test_the_api_asks_as_the_page_does(mailbox, browser, viewer):
    body = {"email": NEW, "current_password": PASSWORD}
    answer = browser.post("/api/auth/email", body, content_type="application/json")
    assert answer.status_code == 202
    assert {message.to[0] for message in delivered()} == {NEW, "viewer@example.org"}
    wrong = {**body, "current_password": "wrong"}
    answer = browser.post("/api/auth/email", wrong, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["current_password"])


def test_whether_somebody_has_the_address_is_not_told(mailbox, browser, world):
    answers = [ask(browser, email) for email in (NEW, world.outsider.email)]
    assert answers[0].status_code == answers[1].status_code == 302
    run_queued()
    assert MailedLink.objects.get().email == NEW


def test_an_address_that_was_taken_meanwhile_stays_its_owners(client, mailed, viewer, world):
    follow(client, mailed)
    User.objects.filter(pk=world.outsider.pk).update(email=NEW)
    assert client.post(PAGE).status_code == 409
    assert email_of(viewer) == "viewer@example.org"


def test_somebody_without_a_password_asks_an_administrator(mailbox, as_user, world):
    browser = as_user(world.viewer)
    assert ask(browser).status_code == 400
    assert "an administrator" in browser.get("/profile/security").content.decode()
    assert waiting() == []


def test_a_change_of_password_stops_a_change_of_address(client, mailed, viewer):
    viewer.set_password("another staple of horses")
    viewer.save()
    assert follow(client, mailed).status_code == 404
    assert client.post(PAGE).status_code == 404
    assert email_of(viewer) == "viewer@example.org"


def test_the_address_with_the_token_is_left_at_once(client, mailed):
    answer = client.get(mailed)
    assert (answer.status_code, answer.url) == (302, PAGE)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
