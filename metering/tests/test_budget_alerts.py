"""Whoever can do something about a budget is told at 50, 80 and 100 %, once, by mail."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.utils import timezone

from metering import alerts
from metering.errors import BudgetExceeded
from metering.models import Budget, BudgetAlert, BudgetPeriod
from metering.services import change_budget, create_budget, remove_budget
from metering.tasks import tell_alerts
from metering.tests.spending import hold, payer_of, spend
from restai_site.celery import app
from restai_site.lib.errors import Unavailable
from restai_site.tests.background import queue_away, waiting
from restai_site.tests.mailbox import delivered, mail_set_up
from restai_site.tests.world import SYSTEM, make_key, make_user


def give(owner, amount=10, **values):
    usual = {"period": "month", "unit": "money", "amount": Decimal(amount)}
    return create_budget(owner, **(usual | values), actor=SYSTEM)


def told():
    """Look for alerts as the clock does, run what that queues; return who was told what."""
    tell_alerts.apply().get()
    with mail_set_up():
        return sorted((message.to[0], message.subject) for message in delivered())


@pytest.fixture(autouse=True)
def _the_queue_is_empty():
    waiting()
    mail.outbox = []


def addresses(*people):
    return sorted(person.email for person in people)


RECIPIENTS = {
    "alpha": ("team_admin", "platform_admin"),
    "project": ("team_admin",),
    "viewer": ("viewer",),
}


@pytest.mark.parametrize(("owner", "names"), RECIPIENTS.items())
def test_those_are_told_who_can_do_something_about_it(world, owner, names):
    give(getattr(world, owner))
    spend(payer_of(world), cost="5")
    assert [to for to, _ in told()] == addresses(*[getattr(world, name) for name in names])


def test_the_owner_of_a_key_is_told(world):
    key = make_key(world.editor)[0]
    give(key)
    spend(payer_of(world, world.editor, key=key), cost="5")
    assert told() == [(world.editor.email, "API key test: 50 % of the budget is used")]


def test_each_share_is_told_once(world):
    give(world.viewer)
    subjects = []
    for _ in range(12):
        spend(payer_of(world), cost="1")
        subjects += [subject for _, subject in told()]
    assert subjects == [
        "User Viewer: 50 % of the budget is used",
        "User Viewer: 80 % of the budget is used",
        "User Viewer: the budget is used up",
    ]


def test_of_several_shares_at_once_the_highest_is_told(world):
    give(world.viewer)
    spend(payer_of(world), cost="8.5")
    assert told() == [(world.viewer.email, "User Viewer: 80 % of the budget is used")]
    assert not BudgetAlert.objects.filter(told_at=None).exists()


def test_the_mail_says_how_much_is_used_and_when_it_begins_anew(world):
    world.alpha.time_zone = "Europe/Berlin"
    world.alpha.save()
    world.alpha.name = "Research & Co <b>\r\nBcc: x@example.org"
    world.alpha.save()
    give(world.alpha, amount=1000, unit="tokens")
    spend(payer_of(world), tokens=512)
    alerts.tell_untold()
    with mail_set_up():
        message = delivered()[0]
    assert "\n" not in message.subject
    assert message.subject.startswith("Team Research & Co <b>")
    assert "Budget:       1,000 tokens a month" in message.body
    assert "Used:         512 tokens" in message.body
    assert "at 00:00 (Europe/Berlin)" in message.body
    assert f"/teams/{world.alpha.pk}/budgets" in message.body


def test_suspended_people_are_not_told(world):
    world.team_admin.is_active = False
    world.team_admin.save()
    give(world.project)
    spend(payer_of(world), cost="9")
    assert told() == []


def test_whoever_is_no_admin_any_more_when_the_mail_leaves_is_not_told(world):
    give(world.project)
    spend(payer_of(world), cost="9")
    alerts.tell_untold()
    world.alpha.memberships.filter(user=world.team_admin).update(role="member")
    assert told() == []


def test_the_clock_looks_for_alerts():
    scheduled = {one["task"]: one["schedule"] for one in app.conf.beat_schedule.values()}
    assert scheduled["metering.tell_alerts"] <= 60


def test_a_call_that_reaches_a_share_waits_for_no_queue(world):
    give(world.viewer)
    spend(payer_of(world), cost="9")
    assert waiting() == []


def died():
    """Let the time pass after which whoever was at it must have died."""
    long_ago = timezone.now() - timedelta(minutes=3)
    BudgetAlert.objects.filter(told_at=None).update(claimed_at=long_ago)


def test_what_a_dead_process_did_not_hand_on_is_told(world):
    give(world.viewer)
    spend(payer_of(world), cost="9")
    assert len(alerts._claim()) == 2
    assert told() == []
    died()
    assert told() == [(world.viewer.email, "User Viewer: 80 % of the budget is used")]
    died()
    assert told() == []


def test_a_queue_that_goes_away_while_alerts_are_handed_on_loses_none(world):
    give(world.viewer)
    spend(payer_of(world), cost="5")
    with queue_away(), pytest.raises(Unavailable):
        alerts.tell_untold()
    assert told() == []
    died()
    assert told() == [(world.viewer.email, "User Viewer: 50 % of the budget is used")]


def test_nobody_is_told_of_a_period_that_is_over(world):
    budget = give(world.viewer)
    spend(payer_of(world), cost="9")
    BudgetPeriod.objects.filter(budget=budget).update(ends_at=timezone.now() - timedelta(days=1))
    assert told() == []
    assert not BudgetAlert.objects.filter(told_at=None).exists()


def test_a_budget_that_was_removed_meanwhile_is_no_trouble(world):
    budget = give(world.viewer)
    spend(payer_of(world), cost="9")
    alerts.tell_untold()
    remove_budget(budget, actor=SYSTEM)
    assert told() == []


def test_without_a_mail_server_nothing_is_sent_and_nothing_fails(world):
    give(world.viewer)
    spend(payer_of(world), cost="9")
    assert alerts.tell_untold() == 1
    assert delivered() == []


def test_a_budget_of_nothing_tells_nobody(world):
    give(world.viewer, amount=0)
    spend(payer_of(world), cost="9")
    assert told() == []


class TestRefusals:
    """Nothing is ever spent to the last cent: a budget is used up when it refuses calls."""

    def refused(self, world, cost="5"):
        with pytest.raises(BudgetExceeded):
            alerts.noting_refusals(hold)(payer_of(world), cost=cost)

    def test_a_nearly_used_budget_that_refuses_is_used_up_and_that_is_told_once(self, world):
        give(world.viewer)
        spend(payer_of(world), cost="9")
        told()
        self.refused(world)
        self.refused(world)
        assert told() == [(world.viewer.email, "User Viewer: the budget is used up")]

    def test_a_call_that_asks_too_much_of_a_hardly_used_budget_tells_nobody(self, world):
        give(world.viewer)
        spend(payer_of(world), cost="1")
        self.refused(world, cost="9.5")
        assert told() == []
        assert not BudgetAlert.objects.exists()

    def test_a_period_begins_also_by_a_call_that_is_refused(self, world):
        """Else each further refusal would sum up the ledger while all others wait."""
        budget = give(world.viewer)
        budget.periods.all().delete()
        self.refused(world, cost="11")
        assert budget.periods.count() == 1

    def test_a_raised_budget_is_not_used_up_any_more(self, world):
        budget = give(world.viewer)
        spend(payer_of(world), cost="9")
        self.refused(world)
        change_budget(budget, amount=Decimal(11), actor=SYSTEM)
        assert set(BudgetAlert.objects.values_list("percent", flat=True)) == {50, 80}


def test_people_who_are_told_are_found_for_every_kind_of_budget(world):
    for owner in (world.alpha, world.project, world.viewer, make_key(world.editor)[0]):
        give(owner)
    suspended = make_user("suspended", is_active=False, is_platform_admin=True)
    for budget in Budget.objects.with_owners():
        found = list(alerts.recipients(budget))
        assert found
        assert suspended not in found
