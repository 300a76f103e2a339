"""Invitations: who sends them, what they open, and what an invited user is until then."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import MailedLink, Session, User
from accounts.sections import AuthenticationSection
from accounts.services import invite_user
from audit.models import Entry
from restai_site.lib.configuration import overridden
from restai_site.lib.mail import MailSection
from restai_site.tests.background import run_queued, waiting
from restai_site.tests.canaries import watch
from restai_site.tests.limits import redis_away
from restai_site.tests.mailbox import delivered, link_in, token_in
from restai_site.tests.tables import tables_holding
from restai_site.tests.world import SYSTEM

pytestmark = pytest.mark.django_db
PASSWORD = "unusual staple of horses"
PAGE = "/invitation"
NEW = {"email": "New@Example.org", "name": "New"}


@pytest.fixture
def admin(as_user, world):
    return as_user(world.platform_admin)


@pytest.fixture
def invited(mailbox):
    return invite_user(email="new@example.org", actor=SYSTEM)


@pytest.fixture
def mailed(invited):
    (message,) = delivered()
    watch("invitation token", token_in(message))
    return link_in(message)


def follow(client, path):
    answer = client.get(path)
    return client.get(answer.url) if answer.status_code == 302 else answer


def test_an_administrator_invites_and_no_password_is_in_the_mail(mailbox, admin, world):
    answer = admin.post("/users/invite", {**NEW, "is_restricted": "on"})
    made = User.objects.get(email="new@example.org")
    assert (answer.status_code, answer.url) == (302, f"/users/{made.pk}")
    assert (made.name, made.is_restricted, made.is_platform_admin) == ("New", True, False)
    assert made.invited_at is not None
    assert not made.has_usable_password()
    entry = Entry.objects.filter(action="user.invite").get()
    assert (entry.actor_email, entry.target_id) == ("platform-admin@example.org", str(made.pk))
    (message,) = delivered()
    assert (message.to, message.subject) == (["new@example.org"], "You are invited")
    assert "Platform_Admin invites you" in message.body
    assert link_in(message).startswith(f"{PAGE}/")


def test_the_token_is_neither_in_the_queue_nor_in_a_table(invited):
    (job,) = run_queued()
    from django.core import mail

    token = watch("invitation token", token_in(mail.outbox[-1]))
    assert token not in job.text
    assert tables_holding(token) == []


@pytest.mark.parametrize("role", ["viewer", "team_admin", "outsider_admin"])
def test_nobody_else_invites(mailbox, as_user, world, role):
    before = User.objects.count()
    browser = as_user(getattr(world, role))
    assert browser.get("/users/invite").status_code == 403
    assert browser.post("/users/invite", NEW).status_code == 403
    assert User.objects.count() == before
    assert waiting() == []


def test_strangers_are_sent_to_the_log_in(client, db):
    answer = client.post("/users/invite", NEW)
    assert (answer.status_code, answer.url) == (302, "/login?next=/users/invite")


def test_a_taken_address_is_told_beside_the_field(mailbox, admin):
    answer = admin.post("/users/invite", {"email": "VIEWER@example.org"})
    assert answer.status_code == 400
    assert "already a user with this e-mail address" in answer.content.decode()
    assert waiting() == []


def test_an_invited_user_signs_in_by_nothing(client, invited):
    for password in ("", "!", PASSWORD):
        form = {"email": invited.email, "password": password}
        assert client.post("/login", form).status_code == 400
    assert not Session.objects.filter(user=invited).exists()


def test_accepting_sets_the_password_and_leads_into_a_chat(client, mailed, invited):
    page = follow(client, mailed)
    assert "new@example.org" in page.content.decode()
    answer = client.post(PAGE, {"name": "Ada", "password": PASSWORD})
    assert (answer.status_code, answer.url) == (302, "/chat")
    invited.refresh_from_db()
    assert (invited.name, invited.invited_at) == ("Ada", None)
    assert invited.check_password(PASSWORD)
    assert client.get("/profile").status_code == 200
    assert Entry.objects.filter(action="user.accept_invitation").count() == 1


def test_an_invitation_works_once(client, mailed, invited, as_user):
    follow(client, mailed)
    client.post(PAGE, {"name": "Ada", "password": PASSWORD})
    client.post("/logout")
    assert follow(client, mailed).status_code == 404
    assert client.post(PAGE, {"name": "Eve", "password": "another staple"}).status_code == 404
    invited.refresh_from_db()
    assert invited.check_password(PASSWORD)


def test_a_weak_password_is_explained_and_the_link_stays(client, mailed, invited):
    follow(client, mailed)
    assert client.post(PAGE, {"name": "A", "password": "short"}).status_code == 400
    invited.refresh_from_db()
    assert invited.invited_at is not None
    assert client.post(PAGE, {"name": "A", "password": PASSWORD}).status_code == 302


def test_the_address_with_the_token_is_left_at_once(client, mailed):
    answer = client.get(mailed)
    assert (answer.status_code, answer.url) == (302, PAGE)
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("end", ["suspended", "expired", "providers only", "invited again"])
def test_an_invitation_that_does_not_hold_any_more_opens_nothing(
    client, mailed, invited, admin, end
):
    follow(client, mailed)
    allowed = end != "providers only"
    if end == "suspended":
        User.objects.filter(pk=invited.pk).update(is_active=False)
    elif end == "expired":
        MailedLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif end == "invited again":
        admin.post(f"/users/{invited.pk}/invitation")
        delivered()
    with overridden(AuthenticationSection, local_sign_in=allowed):
        assert client.get(PAGE).status_code == 404
        assert client.post(PAGE, {"password": PASSWORD}).status_code == 404
    invited.refresh_from_db()
    assert not invited.has_usable_password()


def test_an_invitation_is_sent_again_with_a_new_link(client, mailed, invited, admin):
    assert admin.post(f"/users/{invited.pk}/invitation").status_code == 302
    (again,) = delivered()
    assert link_in(again) != mailed
    assert follow(client, mailed).status_code == 404
    assert follow(client, link_in(again)).status_code == 200


def test_whoever_has_accepted_is_not_invited_again(client, mailed, invited, admin):
    follow(client, mailed)
    client.post(PAGE, {"name": "A", "password": PASSWORD})
    assert admin.post(f"/users/{invited.pk}/invitation").status_code == 302
    assert waiting() == []
    assert "has accepted already" in admin.get(f"/users/{invited.pk}").content.decode()


def test_where_only_providers_lead_in_the_mail_has_no_link(mailbox, admin):
    with overridden(AuthenticationSection, local_sign_in=False):
        admin.post("/users/invite", NEW)
        (message,) = delivered()
    assert "account of your organisation" in message.body
    assert not MailedLink.objects.exists()


# --- Without a mail server -------------------------------------------------------------------


def test_without_a_mail_server_the_link_is_shown_once_to_the_administrator(client, admin):
    with overridden(MailSection, host=""):
        assert "No mail can be sent yet" in admin.get("/users/invite").content.decode()
        answer = admin.post("/users/invite", NEW)
        assert "Show the invitation link once" in admin.get(answer.url).content.decode()
        shown = admin.post(f"{answer.url}/invitation/show")
    link = shown.context["link"]
    watch("shown invitation", link.rpartition("/")[2])
    assert shown.headers["Cache-Control"] == "no-store"
    assert link in shown.content.decode()
    assert Entry.objects.acts().latest("id").action == "user.invitation_shown"
    assert link.rpartition("/")[2] not in str(list(Entry.objects.values()))
    assert follow(client, link.removeprefix("http://localhost:8000")).status_code == 200


def test_with_a_mail_server_no_link_is_shown(mailbox, admin, invited):
    path = f"/users/{invited.pk}/invitation/show"
    assert admin.post(path).status_code == 302
    assert not MailedLink.objects.exists()
    assert not Entry.objects.filter(action="user.invitation_shown").exists()


def test_without_redis_nobody_is_made_and_it_is_said(mailbox, admin, settings):
    before = User.objects.count()
    with redis_away(settings):
        answer = admin.post("/users/invite", NEW)
    assert answer.status_code == 503
    assert "Redis" in answer.content.decode()
    assert User.objects.count() == before
