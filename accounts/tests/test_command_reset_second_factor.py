"""The way back in where no administrator has a factor any more."""

import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import TotpDevice
from accounts.tests.factors import with_app
from audit.models import Entry
from restai_site.tests.world import make_user

pytestmark = pytest.mark.django_db


def test_the_command_resets_one_user_and_is_recorded(clock):
    user, other = make_user("admin", is_platform_admin=True), make_user("bob")
    with_app(user)
    with_app(other)
    said = io.StringIO()
    call_command("reset_second_factor", "Admin@Example.org", stdout=said)
    assert said.getvalue() == "admin@example.org has no second factor any more.\n"
    assert list(TotpDevice.objects.values_list("user", flat=True)) == [other.pk]
    entry = Entry.objects.acts().latest("id")
    assert (entry.action, entry.credential) == (
        "user.second_factor_reset",
        "system:reset_second_factor",
    )


@pytest.mark.parametrize(
    ("email", "words"),
    [("nobody@example.org", "There is no user"), ("bob@example.org", "no second factor")],
)
def test_what_cannot_be_reset_is_said(email, words):
    make_user("bob")
    with pytest.raises(CommandError, match=words):
        call_command("reset_second_factor", email)
