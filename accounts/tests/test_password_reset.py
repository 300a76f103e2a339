"""A forgotten password: what is asked, mailed and changed, and what is told to nobody."""

import logging
import re
from contextlib import contextmanager

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey, MailedLink, Session, User
from accounts.sections import AuthenticationSection
from audit.models import Entry
from restai_site.lib.configuration import overridden
from restai_site.lib.mail import MailSection
from restai_site.tests.background import run_queued, waiting
from restai_site.tests.canaries import CanaryHandler, watch
from restai_site.tests.limits import redis_away
from restai_site.tests.mailbox import delivered, link_in, token_in
from restai_site.tests.smtp import MailServer
from restai_site.tests.tables import keys_holding, tables_holding
from restai_site.tests.world import make_key

pytestmark = pytest.mark.django_db
NEW = "another staple of horses"
PAGE = "/password/reset"
CASES = ["unknown", "usual", "suspended", "without a password", "invited"]


def ask(client, email):
    return client.post("/password/forgot", {"email": email})


def address_of(case, viewer):
    if case == "suspended":
        User.objects.filter(pk=viewer.pk).update(is_active=False)
    elif case == "without a password":
        viewer.set_unusable_password()
        viewer.save()
    elif case == "invited":
        viewer.set_unusable_password()
        viewer.invited_at = viewer.date_joined
        viewer.save()
    return "nobody@example.org" if case == "unknown" else viewer.email


@pytest.fixture
def mailed(mailbox, client, viewer):
    """The path of a link that the viewer has been mailed."""
    ask(client, viewer.email)
    (message,) = delivered()
    watch("reset token", token_in(message))
    return link_in(message)


def follow(client, path):
    """Follow a link as a browser does, and return the page that it ends at."""
    answer = client.get(path)
    return client.get(answer.url) if answer.status_code == 302 else answer


@contextmanager
def logging_to(handler):
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def state_of(user):
    user.refresh_from_db()
    return user.password


# --- Asking ----------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_whoever_is_asked_about_answer_and_job_are_the_same(mailbox, client, viewer, case):
    email = address_of(case, viewer)
    with CaptureQueriesContext(connection) as queries:
        answer = ask(client, email)
    assert (answer.status_code, answer.url) == (302, "/password/forgot/sent")
    assert not [one for one in queries if '"accounts_user"' in one["sql"]]
    (job,) = waiting()
    assert (job.task, job.args[0]) == ("accounts.mail_reset_link", email)


@pytest.mark.parametrize("case", CASES)
def test_the_api_answers_every_address_alike(mailbox, api, viewer, case):
    answer = api.post("/api/auth/password-reset", {"email": address_of(case, viewer)})
    assert (answer.status_code, answer.content) == (202, b"")


@pytest.mark.parametrize("case", CASES)
def test_a_mail_goes_to_those_alone_who_sign_in_by_a_password(mailbox, client, viewer, case):
    ask(client, address_of(case, viewer))
    assert [message.to for message in delivered()] == (
        [["viewer@example.org"]] if case == "usual" else []
    )
    assert MailedLink.objects.exists() is (case == "usual")


def test_the_page_afterwards_names_nobody(mailbox, client, viewer):
    page = client.get(ask(client, viewer.email).url).content.decode()
    assert "viewer@" not in page
    assert "If the address belongs to an account with a password" in page


@pytest.mark.parametrize("body", [{}, {"email": None}, {"email": ""}, {"email": []}, {"email": 0}])
def test_what_is_no_address_asks_for_nothing(mailbox, api, body):
    assert api.post("/api/auth/password-reset", body).status_code == 400
    assert waiting() == []


def test_the_address_is_found_whatever_its_case(mailbox, client, viewer):
    ask(client, " VIEWER@Example.org ")
    assert [message.to for message in delivered()] == [["viewer@example.org"]]


def test_the_link_leads_to_the_platforms_own_address_whatever_host_was_asked(
    mailbox, client, viewer, settings
):
    settings.PUBLIC_URL = "https://ai.example.org"
    settings.ALLOWED_HOSTS = ["*"]
    client.post(
        "/password/forgot",
        {"email": viewer.email},
        HTTP_HOST="evil.example",
        HTTP_X_FORWARDED_HOST="evil.example",
    )
    (message,) = delivered()
    assert link_in(message).startswith(PAGE)
    assert "evil" not in message.message().as_string()


def test_asking_is_limited_for_each_address_known_or_not(mailbox, client, viewer):
    for email in (viewer.email, "nobody@example.org"):
        statuses = [ask(client, email).status_code for _ in range(7)]
        assert statuses == [302] * 5 + [429] * 2
    spelled = ask(client, "Viewer+tag@example.org")
    assert spelled.status_code == 429
    assert int(spelled.headers["Retry-After"]) > 0


def test_asking_is_limited_for_each_client_too(mailbox, client):
    statuses = [ask(client, f"user{number}@example.org").status_code for number in range(22)]
    assert statuses == [302] * 20 + [429] * 2


def test_without_redis_it_is_said(mailbox, client, viewer, settings):
    with redis_away(settings):
        answer = ask(client, viewer.email)
    assert answer.status_code == 503
    assert "Redis" in answer.content.decode()


def test_without_a_mail_server_the_answer_is_the_same_and_no_link_is_made(client, viewer):
    waiting()
    with overridden(MailSection, host=""):
        assert ask(client, viewer.email).status_code == 302
        run_queued()
    assert not MailedLink.objects.exists()
    assert mail.outbox == []


def test_where_only_providers_lead_in_there_is_nothing_to_ask(mailbox, client, api, viewer):
    with overridden(AuthenticationSection, local_sign_in=False):
        assert client.get("/password/forgot").status_code == 403
        assert ask(client, viewer.email).status_code == 403
        assert api.post("/api/auth/password-reset", {"email": viewer.email}).status_code == 403
    assert waiting() == []


def test_a_mail_arrives_from_a_real_server(mailbox, client, viewer, settings):
    settings.EMAIL_BACKEND = "restai_site.lib.mail.Backend"
    with MailServer() as server:
        values = {"host": "127.0.0.1", "port": server.port, "security": "none"}
        with overridden(MailSection, **values, from_address="restai@example.org"):
            ask(client, viewer.email)
            run_queued()
    (received,) = server.mails
    assert received.recipients == ["viewer@example.org"]
    assert received.message["Subject"] == "Choose a new password"
    assert re.search(r"http://localhost:8000/password/reset/\S{43}\s", received.text)


def test_a_mail_server_that_fails_is_tried_again_by_a_new_link(mailbox, client, viewer, settings):
    settings.EMAIL_BACKEND = "restai_site.lib.mail.Backend"
    with MailServer(behaviour="refuse-mail") as server:
        values = {"host": "127.0.0.1", "port": server.port, "security": "none"}
        with overridden(MailSection, **values, from_address="restai@example.org"):
            ask(client, viewer.email)
            with pytest.raises(Exception, match="refuses the mail"):
                run_queued()
    assert server.commands.count("data") == 7
    assert Entry.objects.filter(action="user.password_reset_mail").count() == 7


# --- The token is in the mail alone ----------------------------------------------------------


def test_the_token_is_in_no_queue_no_table_no_answer_and_no_log(mailbox, client, viewer):
    handler = CanaryHandler()
    answer = ask(client, viewer.email)
    jobs = run_queued()
    token = watch("reset token", token_in(mail.outbox[-1]))
    assert all(token not in job.text for job in jobs)
    assert token not in answer.content.decode() + repr(answer.headers)
    assert (tables_holding(token), keys_holding(token)) == ([], [])
    with logging_to(handler):
        first = client.get(f"{PAGE}/{token}")
        second = client.get(first.url)
        client.post(PAGE, {"password": NEW})
    for shown in (first, second):
        assert token not in shown.content.decode() + repr(shown.headers)
    assert handler.found == []
    assert (tables_holding(token), keys_holding(token)) == ([], [])
    assert token not in str(list(Entry.objects.values()))


def test_the_address_with_the_token_is_left_at_once_and_told_to_nobody(client, mailed):
    answer = client.get(mailed)
    assert (answer.status_code, answer.url) == (302, PAGE)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    gone = client.get(f"{PAGE}/{'x' * 43}")
    assert (gone.status_code, gone.headers["Referrer-Policy"]) == (404, "no-referrer")


def test_looking_at_the_link_does_not_use_it_up(client, mailed):
    for _ in range(3):
        assert follow(client, mailed).status_code == 200


# --- Resetting -------------------------------------------------------------------------------


def test_a_new_password_is_set_and_everything_the_old_one_opened_ends(
    client, as_user, mailed, viewer
):
    elsewhere = as_user(viewer)
    key, _ = make_key(viewer)
    follow(client, mailed)
    answer = client.post(PAGE, {"password": NEW})
    assert (answer.status_code, answer.url) == (302, "/login")
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
    assert viewer.password_changed_at is not None
    assert elsewhere.get("/profile").status_code == 302
    assert not Session.objects.filter(user=viewer).exists()
    key.refresh_from_db()
    assert key.revoked_at is None
    entry = Entry.objects.filter(action="user.password_reset").get()
    assert (entry.target_id, entry.credential) == (str(viewer.pk), "none")
    (notice,) = delivered()
    assert (notice.subject, notice.to) == ("Your password was changed", [viewer.email])


def test_keys_end_too_where_the_settings_say_so(client, mailed, viewer):
    make_key(viewer)
    follow(client, mailed)
    with overridden(AuthenticationSection, keys_end_with_password=True):
        client.post(PAGE, {"password": NEW})
    assert not ApiKey.objects.filter(user=viewer, revoked_at=None).exists()


def test_nobody_is_signed_in_by_a_reset(client, mailed, viewer):
    follow(client, mailed)
    client.post(PAGE, {"password": NEW})
    assert client.get("/profile").status_code == 302
    assert not Session.objects.filter(user=viewer).exists()


def test_the_link_works_once(client, mailed, viewer):
    follow(client, mailed)
    client.post(PAGE, {"password": NEW})
    after = state_of(viewer)
    assert follow(client, mailed).status_code == 404
    assert client.post(PAGE, {"password": "a third staple of horses"}).status_code == 404
    assert state_of(viewer) == after


def test_a_weak_password_is_explained_and_the_link_stays(client, mailed, viewer):
    before = state_of(viewer)
    follow(client, mailed)
    answer = client.post(PAGE, {"password": "short"})
    assert answer.status_code == 400
    assert "at least 15 characters" in answer.content.decode()
    assert state_of(viewer) == before
    assert client.post(PAGE, {"password": NEW}).status_code == 302


@pytest.mark.parametrize("token", ["null", "0", "[]", "None", "undefined", "x" * 43, "%00" * 43])
def test_what_is_no_token_leads_nowhere(client, viewer, token):
    before = state_of(viewer)
    assert client.get(f"{PAGE}/{token}").status_code == 404
    assert client.get(PAGE).status_code == 404
    assert client.post(PAGE, {"password": NEW, "token": token}).status_code == 404
    assert not Session.objects.exists()
    assert state_of(viewer) == before


def test_an_expired_link_leads_nowhere(client, mailed, viewer):
    before = state_of(viewer)
    follow(client, mailed)
    MailedLink.objects.update(expires_at=viewer.date_joined)
    assert client.post(PAGE, {"password": NEW}).status_code == 404
    assert follow(client, mailed).status_code == 404
    assert state_of(viewer) == before


def test_a_link_changes_the_password_of_its_own_user_whoever_is_signed_in(
    as_user, mailed, viewer, world
):
    other = as_user(world.outsider)
    before = state_of(world.outsider)
    follow(other, mailed)
    assert other.post(PAGE, {"password": NEW, "user": world.outsider.pk}).status_code == 302
    assert state_of(world.outsider) == before
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)


def test_a_link_dies_when_the_password_is_changed(client, mailed, viewer):
    follow(client, mailed)
    viewer.set_password("a third staple of horses")
    viewer.save()
    before = state_of(viewer)
    assert client.post(PAGE, {"password": NEW}).status_code == 404
    assert state_of(viewer) == before


def test_a_suspended_user_resets_nothing(client, mailed, viewer):
    follow(client, mailed)
    User.objects.filter(pk=viewer.pk).update(is_active=False)
    before = state_of(viewer)
    assert client.post(PAGE, {"password": NEW}).status_code == 404
    assert state_of(viewer) == before


def test_a_link_from_before_does_nothing_where_only_providers_lead_in(client, mailed, viewer):
    before = state_of(viewer)
    follow(client, mailed)
    with overridden(AuthenticationSection, local_sign_in=False):
        assert client.post(PAGE, {"password": NEW}).status_code == 404
        assert client.get(PAGE).status_code == 404
    assert state_of(viewer) == before


def test_whoever_was_locked_out_may_try_at_once(client, mailed, viewer):
    form = {"email": viewer.email, "password": "wrong"}
    statuses = [client.post("/login", form).status_code for _ in range(6)]
    assert statuses[-1] == 429
    follow(client, mailed)
    client.post(PAGE, {"password": NEW})
    answer = client.post("/login", {"email": viewer.email, "password": NEW})
    assert (answer.status_code, answer.url) == (302, "/")


def test_the_second_factor_is_still_asked_for(client, mailed, viewer):
    User.objects.filter(pk=viewer.pk).update(second_factor_since=viewer.date_joined)
    follow(client, mailed)
    client.post(PAGE, {"password": NEW})
    viewer.refresh_from_db()
    assert viewer.second_factor_since == viewer.date_joined
    answer = client.post("/login", {"email": viewer.email, "password": NEW})
    assert (answer.status_code, answer.url) == (302, "/sign-in/second-factor")
    assert not Session.objects.filter(user=viewer).exists()
    assert Session.objects.filter(pending_user=viewer).count() == 1
    assert client.get("/profile").status_code == 302
