"""`manage.py check_budgets` finds counters that are wrong, and puts them right when told to."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from audit.models import Entry
from metering.models import BudgetPeriod
from metering.services import create_budget
from metering.tests.calls import assert_sums_hold
from metering.tests.spending import hold, payer_of, spend
from restai_site.tests.world import SYSTEM


def check(*arguments):
    told = StringIO()
    call_command("check_budgets", *arguments, stdout=told)
    return told.getvalue()


@pytest.fixture
def budgets(world):
    payer = payer_of(world)
    spend(payer, cost="1.5", tokens=10)
    for owner in (world.alpha, world.project, world.viewer):
        for unit in ("money", "tokens"):
            create_budget(owner, period="month", unit=unit, amount=Decimal(1000), actor=SYSTEM)
    spend(payer, cost="2.25", tokens=20)
    hold(payer, cost="3", tokens=30)
    return BudgetPeriod.objects.order_by("pk")


def test_all_is_well_where_counters_say_what_the_ledger_says(budgets):
    assert check() == "6 periods of budgets: all as the ledger says.\n"


@pytest.mark.parametrize("wrong", [{"spent": 1}, {"reserved": 0}, {"spent": 0, "reserved": 99}])
def test_what_is_wrong_is_named_and_nothing_changed(budgets, wrong):
    first = budgets[0]
    BudgetPeriod.objects.filter(pk=first.pk).update(**wrong)
    with pytest.raises(CommandError, match=r"1 counters are wrong; --repair puts them right\."):
        check()
    first.refresh_from_db()
    assert {name: getattr(first, name) for name in wrong} == wrong


def test_repair_puts_right_what_is_wrong_and_records_it(budgets):
    BudgetPeriod.objects.filter(pk__in=[budgets[0].pk, budgets[3].pk]).update(spent=7, reserved=7)
    assert check("--repair").endswith("6 periods of budgets: 2 repaired.\n")
    assert_sums_hold()
    assert check() == "6 periods of budgets: all as the ledger says.\n"
    entry = Entry.objects.get(action="budget.repair")
    assert (entry.credential, entry.changes) == ("system:check_budgets", {"periods": 2})


def test_repair_of_what_is_right_records_nothing(budgets):
    check("--repair")
    assert not Entry.objects.filter(action="budget.repair").exists()
