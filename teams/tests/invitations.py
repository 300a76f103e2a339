"""What tests of invitations to teams and projects share."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from accounts.services import suspend_user
from restai_site.tests.world import SYSTEM
from teams.models import Membership


def demote(world):
    Membership.objects.filter(user=world.team_admin).update(role="member")


def remove(world):
    Membership.objects.filter(user=world.team_admin).delete()


def suspend(world):
    suspend_user(world.team_admin, actor=SYSTEM)


def restrict(world):
    User.objects.filter(pk=world.team_admin.pk).update(is_restricted=True)


def delete(world):
    world.team_admin.delete()


# How whoever has sent an invitation loses the right to.
LOSSES = [demote, remove, suspend, restrict, delete]


def expire(invitation):
    past = timezone.now() - timedelta(seconds=1)
    type(invitation).objects.filter(pk=invitation.pk).update(expires_at=past)


def post(browser, path, body=None):
    return browser.post(path, body or {}, content_type="application/json")


def listed(browser, path="/api/invitations"):
    answer = browser.get(path)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def states(rows):
    return sorted(rows.values_list("email", "state"))
