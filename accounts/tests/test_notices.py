"""People are told by mail what was done to their factors."""

import pytest
from django.core import mail

from accounts.models import User
from accounts.services.factors import reset_factors
from accounts.services.second_factor import remove_totp
from accounts.tests.factors import PASSWORD, actor_in_session, full_proof, with_app
from restai_site.celery import app
from restai_site.lib.configuration import overridden
from restai_site.lib.mail import MailSection
from restai_site.tests.world import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at_once():
    """Let Celery run tasks where they are called; there is a mail server."""
    app.conf.task_always_eager = True
    with overridden(MailSection, host="smtp.example.org", from_address="restai@example.org"):
        yield
    app.conf.task_always_eager = False


@pytest.fixture
def user():
    made = make_user("ada")
    made.set_password(PASSWORD)
    made.save(update_fields=["password"])
    return made


def sent():
    return [(one.to, one.subject) for one in mail.outbox]


def test_a_factor_that_comes_and_goes_is_told(user, clock, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        secret, codes = with_app(user)
    assert sent() == [(["ada@example.org"], "Second factor added")]
    body = mail.outbox[0].body
    assert "An authenticator app was added to your account" in body
    assert secret not in body
    assert not any(code in body for code in codes)
    with django_capture_on_commit_callbacks(execute=True):
        remove_totp(user, proof=full_proof(user), actor=actor_in_session(user))
    assert sent()[1:] == [(["ada@example.org"], "Second factor removed")]


@pytest.mark.parametrize("is_short", [False, True])
def test_a_reset_is_told_and_what_to_do_next(
    user, clock, is_short, django_capture_on_commit_callbacks
):
    with_app(user)
    User.objects.filter(pk=user.pk).update(password_is_short=is_short)
    admin = make_user("admin", is_platform_admin=True)
    with django_capture_on_commit_callbacks(execute=True):
        reset_factors(user, actor=actor_in_session(admin))
    assert sent() == [(["ada@example.org"], "Second factors reset")]
    assert ("Forgot your password?" in mail.outbox[0].body) is is_short


def test_without_a_mail_server_nothing_is_sent_and_the_change_stands(
    user, clock, django_capture_on_commit_callbacks
):
    with overridden(MailSection, host=""), django_capture_on_commit_callbacks(execute=True):
        with_app(user)
    assert mail.outbox == []
    assert User.objects.get(pk=user.pk).second_factor_since is not None
