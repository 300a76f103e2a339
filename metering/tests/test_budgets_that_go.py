"""Whom a budget is for goes while calls hold something of it: nobody is in anybody's way."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.services import delete_user
from metering.claims import Payer
from metering.models import Budget, BudgetPeriod, ReservationLine
from metering.tests.calls import assert_sums_hold, budget, claim, end, hold
from projects.services import create_project, delete_project
from restai_site.lib.errors import Conflict
from restai_site.tests.waiting import eventually, waiters_for_locks
from restai_site.tests.world import SYSTEM, make_key, make_world
from teams.services import create_team, delete_team

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


def test_a_project_is_deleted_while_its_calls_hold_and_end():
    world = make_world()
    budget(10**6, team=world.alpha)
    for number in range(ROUNDS):
        values = {"name": f"Project {number}", "llm": world.llm}
        project = create_project(world.alpha, values, actor=SYSTEM)
        for period in ("day", "month"):
            budget(10**6, period=period, project=project)
        payer = Payer(world.alpha.pk, project.pk, None, None)
        start, gone = Barrier(7), Event()

        def call(_, payer=payer, start=start, gone=gone):
            made = 0
            try:
                start.wait()
                while made < 5 or not gone.is_set():
                    one = claim(payer)
                    try:
                        hold(one)
                    except Conflict:
                        continue
                    end(one)
                    made += 1
            finally:
                connection.close()
            return made

        def delete(project=project, start=start, gone=gone):
            try:
                start.wait()
                delete_project(project, actor=SYSTEM)
            finally:
                gone.set()
                connection.close()

        with ThreadPoolExecutor(7) as threads:
            deleting = threads.submit(delete)
            assert sum(threads.map(call, range(6))) >= 30
            deleting.result()
        assert not Budget.objects.filter(project_id=project.pk).exists()
    assert BudgetPeriod.objects.get().budget.team == world.alpha
    assert ReservationLine.objects.count() > ROUNDS
    assert_sums_hold()


def _of_project(world):
    return [{"project": world.shared_project}] * 2, lambda: delete_project(
        world.shared_project, actor=SYSTEM
    )


def _of_user(world):
    key, _ = make_key(world.outsider)
    return [{"user": world.outsider}, {"api_key": key}], lambda: delete_user(
        world.outsider, actor=SYSTEM
    )


def _of_team(world):
    team = create_team(name="Short", actor=SYSTEM)
    return [{"team": team}] * 2, lambda: delete_team(team, actor=SYSTEM)


@pytest.mark.parametrize("of", [_of_project, _of_user, _of_team], ids=lambda one: one.__name__)
@pytest.mark.parametrize("first", [0, 1])
def test_what_goes_is_locked_in_the_order_of_calls(of, first):
    """Whatever the order in which the database finds it: nobody waits for somebody who waits."""
    owners, delete = of(make_world())
    made = [
        budget(100, period=period, **owner)
        for period, owner in zip(("day", "month"), owners, strict=True)
    ]
    spell = {"starts_at": timezone.now(), "ends_at": timezone.now() + timedelta(days=1)}
    ordered = [made[first], made[1 - first]]
    low, high = (BudgetPeriod.objects.create(budget=one, **spell).pk for one in ordered)

    def gone():
        try:
            delete()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            locked = BudgetPeriod.objects.select_for_update()
            locked.get(pk=low)
            deleting = threads.submit(gone)
            eventually(waiters_for_locks, seconds=30)
            locked.get(pk=high)
        deleting.result()
    assert not Budget.objects.exists()
    assert not BudgetPeriod.objects.exists()


def test_what_the_database_takes_along_needs_no_collecting():
    world = make_world()
    one = budget(100, project=world.shared_project)
    hold(claim(Payer(None, world.shared_project.pk, None, None)))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metering_budget WHERE id = %s", [one.pk])
    assert not BudgetPeriod.objects.exists()
    assert not ReservationLine.objects.exists()
