"""Holding what a call may cost: of every budget that applies, never more than there is."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone

from metering.claims import Payer
from metering.errors import BudgetExceeded
from metering.models import BudgetPeriod, Reservation
from metering.reserving import applying_to
from metering.tests.calls import NOBODY, assert_sums_hold, budget, claim, end, hold
from restai_site.tests.world import make_key, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def payer(world):
    key, _ = make_key(world.member)
    return Payer(world.alpha.pk, world.shared_project.pk, world.member.pk, key.pk)


OWNERS = ["team", "project", "user", "api_key"]


def owner_of(payer, name):
    return {f"{name}_id": getattr(payer, f"{name}_id")}


def test_without_a_budget_nothing_applies_and_nothing_is_held(payer):
    assert applying_to(payer) == []


@pytest.mark.parametrize("name", OWNERS)
def test_a_budget_applies_to_the_calls_of_its_owner_alone(payer, name):
    budget(10, **owner_of(payer, name))
    assert [one.owner for one in applying_to(payer)] == [name]
    assert applying_to(NOBODY) == []
    others = {f"{other}_id": getattr(payer, f"{other}_id") for other in OWNERS if other != name}
    assert applying_to(Payer(**others, **{f"{name}_id": None})) == []


@pytest.mark.parametrize("name", OWNERS)
@pytest.mark.parametrize("period", ["day", "month"])
def test_a_call_holds_what_it_may_cost_at_most(payer, name, period):
    budget(10, period=period, **owner_of(payer, name))
    budget(1000, period=period, unit="tokens", **owner_of(payer, name))
    assert hold(claim(payer)) == 100
    by_unit = {one.budget.unit: one for one in BudgetPeriod.objects.all()}
    assert (by_unit["money"].reserved, by_unit["tokens"].reserved) == (2, 200)
    assert_sums_hold()


def test_the_lowest_budget_wins_and_is_the_one_that_is_named(payer):
    budget(100, team_id=payer.team_id)
    budget(1, period="day", project_id=payer.project_id)
    budget(50, user_id=payer.user_id)
    with pytest.raises(BudgetExceeded, match="this project's budget for today") as refused:
        hold(claim(payer))
    assert refused.value.status == 402
    assert not Reservation.objects.exists()
    assert not BudgetPeriod.objects.filter(reserved__gt=0).exists()


def test_an_answer_is_limited_to_what_is_left(payer):
    budget("1.80", team_id=payer.team_id)
    assert hold(claim(payer)) == 80
    assert BudgetPeriod.objects.get().reserved == Decimal("1.80")


def test_of_tokens_too(payer):
    budget(170, unit="tokens", user_id=payer.user_id)
    assert hold(claim(payer)) == 70


def test_an_answer_that_would_be_a_stump_is_refused(payer):
    budget("1.63", team_id=payer.team_id)
    with pytest.raises(BudgetExceeded):
        hold(claim(payer))
    assert hold(claim(payer, answer_tokens=63)) == 63


def test_a_prompt_that_is_not_paid_is_refused(payer):
    budget("0.99", team_id=payer.team_id)
    with pytest.raises(BudgetExceeded, match="the team's budget for this month"):
        hold(claim(payer))


def test_a_call_without_an_answer_holds_its_price(payer):
    budget("2.50", team_id=payer.team_id)
    vectors = {"answer_tokens": None, "answer_price_per_million": Decimal(0)}
    assert hold(claim(payer, **vectors)) is None
    assert hold(claim(payer, **vectors)) is None
    with pytest.raises(BudgetExceeded):
        hold(claim(payer, **vectors))
    assert BudgetPeriod.objects.get().reserved == 2


def test_what_costs_nothing_is_not_refused_for_money(payer):
    budget(0, team_id=payer.team_id)
    free = {"fixed_cost": Decimal(0), "answer_price_per_million": Decimal(0)}
    assert hold(claim(payer, **free)) == 100
    with pytest.raises(BudgetExceeded):
        hold(claim(payer))
    budget(0, unit="tokens", team_id=payer.team_id)
    with pytest.raises(BudgetExceeded, match="token budget"):
        hold(claim(payer, **free))


def test_a_budget_set_in_the_middle_of_a_month_knows_the_month(payer):
    now = timezone.now()
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for started_at in (first - timedelta(seconds=1), first, now):
        end(claim(payer, started_at=started_at), cost="3")
    budget(7, team_id=payer.team_id)
    with pytest.raises(BudgetExceeded):
        hold(claim(payer, fixed_cost=Decimal("1.01")))
    hold(claim(payer, answer_tokens=None))
    assert BudgetPeriod.objects.get().spent == 6
    assert_sums_hold()


def test_a_new_month_begins_with_nothing_spent(payer):
    budget(2, team_id=payer.team_id)
    last_month = timezone.now().replace(day=1) - timedelta(days=2)
    end(claim(payer, started_at=last_month), cost="2")
    hold(claim(payer))
    with pytest.raises(BudgetExceeded):
        hold(claim(payer))
    assert_sums_hold()


def test_the_words_say_when_it_begins_anew_in_the_zone_of_the_team(world, payer):
    world.alpha.time_zone = "Asia/Tokyo"
    world.alpha.save()
    budget(0, team_id=payer.team_id)
    new_years_eve = timezone.now().replace(
        year=2026, month=12, day=31, hour=14, minute=59, second=59, microsecond=0
    )
    with pytest.raises(BudgetExceeded) as refused:
        hold(claim(payer, started_at=new_years_eve))
    assert "1 January 2027 at 00:00 (Asia/Tokyo)" in str(refused.value)
    assert refused.value.more["resets_at"] == "2026-12-31T15:00:00+00:00"


def test_no_amount_is_in_the_words(payer):
    budget("0.123", team_id=payer.team_id)
    with pytest.raises(BudgetExceeded) as refused:
        hold(claim(payer))
    assert "0.1" not in str(refused.value)


@pytest.mark.django_db(transaction=True)
def test_of_fifty_calls_at_once_with_a_budget_for_one_one_is_made(payer):
    budget(2, team_id=payer.team_id)
    budget(150, unit="tokens", period="day", user_id=payer.user_id)
    start = Barrier(50)

    def call(_):
        try:
            start.wait()
            hold(claim(payer, answer_tokens=50))
        except BudgetExceeded:
            return 0
        finally:
            connection.close()
        return 1

    with ThreadPoolExecutor(50) as threads:
        assert sum(threads.map(call, range(50))) == 1
    for period in BudgetPeriod.objects.select_related("budget"):
        assert period.reserved <= period.budget.amount
    assert_sums_hold()
