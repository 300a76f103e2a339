"""People are told by mail what was done to their factors."""

import pytest
from kombu.exceptions import OperationalError

from accounts.models import User
from accounts.services.factors import reset_factors
from accounts.services.second_factor import remove_totp
from accounts.tasks import mail_notice
from accounts.tests.factors import PASSWORD, actor_in_session, full_proof, with_app
from restai_site.lib.configuration import overridden
from restai_site.lib.mail import MailSection
from restai_site.tests.mailbox import delivered
from restai_site.tests.world import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mailbox")]


@pytest.fixture
def user():
    made = make_user("ada")
    made.set_password(PASSWORD)
    made.save(update_fields=["password"])
    return made


def subjects(mails):
    return [(one.to, one.subject) for one in mails]


def test_a_factor_that_comes_and_goes_is_told(user, clock):
    secret, codes = with_app(user)
    mails = delivered()
    assert subjects(mails) == [(["ada@example.org"], "Second factor added")]
    body = mails[0].body
    assert "An authenticator app was added to your account" in body
    assert secret not in body
    assert not any(code in body for code in codes)
    remove_totp(user, proof=full_proof(user), actor=actor_in_session(user))
    assert subjects(delivered()) == [(["ada@example.org"], "Second factor removed")]


@pytest.mark.parametrize("is_short", [False, True])
def test_a_reset_is_told_and_what_to_do_next(user, clock, is_short):
    with_app(user)
    delivered()
    User.objects.filter(pk=user.pk).update(password_is_short=is_short)
    admin = make_user("admin", is_platform_admin=True)
    reset_factors(user, actor=actor_in_session(admin))
    mails = delivered()
    assert subjects(mails) == [(["ada@example.org"], "Second factors reset")]
    assert ("Forgot your password?" in mails[0].body) is is_short


def test_without_a_mail_server_nothing_is_sent_and_the_change_stands(user, clock):
    with overridden(MailSection, host=""):
        with_app(user)
        assert delivered() == []
    assert User.objects.get(pk=user.pk).second_factor_since is not None


def test_where_the_queue_is_away_the_change_stands_and_the_log_says_who_was_not_told(
    user, clock, monkeypatch, caplog
):
    monkeypatch.setattr(mail_notice, "apply_async", _no_queue)
    with_app(user)
    assert delivered() == []
    assert User.objects.get(pk=user.pk).second_factor_since is not None
    assert "The notice “factor_added” could not be queued." in caplog.text


def _no_queue(*args, **kwargs):
    raise OperationalError
