"""Whenever a budget is set, changed or removed: it has counted each call once."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier, Event

import pytest
from django.db import connection

from metering.checking import differences
from metering.errors import BudgetExceeded
from metering.models import Budget, Reservation, UsageRecord
from metering.services import change_budget, create_budget, remove_budget
from metering.tests import calls
from metering.tests.spending import payer_of
from restai_site.lib.errors import Conflict
from restai_site.tests.world import SYSTEM

CALLERS = 8
CALLS_EACH = 5
MONTHLY = {"period": "month", "unit": "money", "amount": Decimal(10_000)}

pytestmark = pytest.mark.django_db(transaction=True)


def in_threads(*work):
    """Run functions at once, each with its own connection; return what they return."""
    together = Barrier(len(work))

    def run(function):
        try:
            together.wait()
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return [one.result() for one in [pool.submit(run, function) for function in work]]


def call_of(payer):
    """Hold and settle as a call does, as often as told."""
    for number in range(CALLS_EACH):
        claim = calls.claim(payer)
        calls.hold(claim)
        calls.end(claim, cost=f"0.{number + 1}")


def test_a_budget_set_while_forty_calls_run_counts_each_of_them_once(world):
    payer = payer_of(world)
    owners = [world.alpha, world.project, world.viewer]
    work = [lambda owner=owner: create_budget(owner, **MONTHLY, actor=SYSTEM) for owner in owners]
    in_threads(*[lambda: call_of(payer)] * CALLERS, *work)
    assert UsageRecord.objects.count() == CALLERS * CALLS_EACH
    expected = CALLERS * sum(Decimal(f"0.{number + 1}") for number in range(CALLS_EACH))
    for budget in Budget.objects.all():
        assert budget.periods.get().spent == expected
    calls.assert_sums_hold()
    assert differences() == []


def test_budgets_that_come_change_and_go_while_calls_run_stay_exact(world):
    payer, done = payer_of(world), Event()

    def come_and_go():
        turns = 0
        while not done.is_set() or turns < 3:
            budget = create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
            change_budget(budget, amount=Decimal(20_000), actor=SYSTEM)
            remove_budget(budget, actor=SYSTEM)
            turns += 1
        create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
        return turns

    def call():
        try:
            call_of(payer)
        finally:
            finished.append(1)
            if len(finished) == CALLERS:
                done.set()

    finished: list[int] = []
    turns, *_ = in_threads(come_and_go, *[call] * CALLERS)
    assert turns >= 3
    assert UsageRecord.objects.count() == CALLERS * CALLS_EACH
    assert not Reservation.objects.filter(state="held").exists()
    calls.assert_sums_hold()


def test_of_ten_who_set_the_same_budget_at_once_one_does(world):
    def give():
        try:
            create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
        except Conflict:
            return False
        return True

    assert sum(in_threads(*[give] * 10)) == 1
    assert Budget.objects.count() == 1


def test_a_lowered_amount_holds_for_the_next_call(world):
    payer = payer_of(world)
    budget = create_budget(world.alpha, **MONTHLY, actor=SYSTEM)
    call_of(payer)
    change_budget(budget, amount=Decimal(1), actor=SYSTEM)
    with pytest.raises(BudgetExceeded):
        calls.hold(calls.claim(payer))
    remove_budget(budget, actor=SYSTEM)
    calls.hold(calls.claim(payer))
