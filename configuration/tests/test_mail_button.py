"""“Send a test mail”, all the way to a mail server."""

import pytest
from django.core.cache import cache

from audit.models import Entry
from configuration import services
from configuration.services import update_section
from restai_site.lib.mail import MailSection
from restai_site.tests.smtp import PASSWORD, USER, MailServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings, admin):
    """A mail server that the settings name."""
    cache.clear()
    settings.EMAIL_BACKEND = "restai_site.lib.mail.Backend"
    with MailServer() as running:
        update_section(MailSection, values(running), actor=admin)
        yield running


def values(server, **changes):
    given = {"host": "127.0.0.1", "port": server.port, "security": "none"}
    given |= {"username": USER, "password": PASSWORD, "from_address": "restai@example.org"}
    return given | changes


def test_the_mail_goes_to_the_administrators_own_address(server, admin):
    outcome = services.test_section(MailSection, actor=admin)
    assert (outcome.ok, outcome.message) == (
        True,
        f"The server has taken a mail to {admin.email}. Look whether it arrives.",
    )
    (mail,) = server.mails
    assert (mail.sender, mail.recipients, mail.user) == (
        "restai@example.org",
        [admin.email],
        USER,
    )
    assert mail.message["Subject"] == "Test mail"


def test_what_fails_is_told_and_recorded_without_the_password(server, admin):
    update_section(MailSection, {"password": "wrong-secret"}, actor=admin)
    outcome = services.test_section(MailSection, actor=admin)
    assert (outcome.ok, outcome.message) == (
        False,
        "The mail server refuses the user name or the password (535).",
    )
    assert server.mails == []
    assert "wrong-secret" not in str(list(Entry.objects.values()))
