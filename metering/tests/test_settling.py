"""What calls have used: written once, counted once, and given back, whatever happens to them."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Event

import pytest
from django.db import connection, transaction
from django.utils import timezone

from metering.claims import Payer
from metering.errors import BudgetExceeded
from metering.models import BudgetAlert, BudgetPeriod, Reservation, UsageRecord
from metering.reserving import applying_to, begin_periods
from metering.settling import clear_settled, expire
from metering.tests.calls import assert_sums_hold, budget, claim, end, hold
from projects.services import delete_project
from restai_site.tests.world import SYSTEM, make_key, make_user, make_world

pytestmark = pytest.mark.django_db
OVER = timedelta(seconds=-1)


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def payer(world):
    key, _ = make_key(world.member)
    return Payer(world.alpha.pk, world.shared_project.pk, world.member.pk, key.pk)


def test_a_call_gives_back_what_it_held_and_counts_what_it_used(payer):
    budget(10, team_id=payer.team_id)
    budget(1000, unit="tokens", api_key_id=payer.api_key_id)
    call = claim(payer)
    hold(call)
    usage_id = end(call, cost="0.7", tokens=(30, 12))
    row = UsageRecord.objects.get(pk=usage_id)
    assert (row.call_id, row.cost, row.outcome) == (call.call_id, Decimal("0.7"), "completed")
    assert row.started_at == call.started_at
    by_unit = {one.budget.unit: one for one in BudgetPeriod.objects.all()}
    assert (by_unit["money"].spent, by_unit["money"].reserved) == (Decimal("0.7"), 0)
    assert (by_unit["tokens"].spent, by_unit["tokens"].reserved) == (42, 0)
    assert Reservation.objects.get().state == "settled"


def test_what_is_settled_twice_is_written_and_counted_once(payer):
    budget(10, team_id=payer.team_id)
    call = claim(payer)
    hold(call)
    assert end(call) == end(call) == end(call, cost="9", outcome="failed")
    row = UsageRecord.objects.get()
    assert (row.cost, row.outcome) == (Decimal("0.5"), "completed")
    assert BudgetPeriod.objects.get().spent == Decimal("0.5")


def test_a_call_that_used_more_than_it_held_is_counted_with_all_of_it(payer):
    budget(10, team_id=payer.team_id)
    call = claim(payer)
    hold(call)
    end(call, cost="11")
    assert BudgetPeriod.objects.get().spent == 11
    with pytest.raises(BudgetExceeded):
        hold(claim(payer))


def test_a_call_that_began_before_there_was_a_budget_is_counted(payer):
    before = claim(payer)
    budget(10, team_id=payer.team_id)
    hold(claim(payer))
    end(before, cost="4")
    assert BudgetPeriod.objects.get().spent == 4
    assert_sums_hold()


def test_a_call_counts_for_the_day_on_which_it_began(payer):
    budget(10, period="day", team_id=payer.team_id)
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    late = claim(payer, started_at=midnight - timedelta(seconds=1))
    hold(late)
    hold(claim(payer, started_at=midnight))
    end(late, cost="2")
    yesterday, today = BudgetPeriod.objects.order_by("starts_at")
    assert (yesterday.spent, yesterday.reserved) == (2, 0)
    assert (today.spent, today.reserved) == (0, 2)


def test_a_change_of_the_zone_in_mid_month_forgives_nothing(world, payer):
    budget(10, team_id=payer.team_id)
    moment = timezone.now().replace(day=15)
    end(claim(payer, started_at=moment), cost="9")
    hold(claim(payer, started_at=moment, answer_tokens=None))
    running = Reservation.objects.get()
    world.alpha.time_zone = "Pacific/Kiritimati"
    world.alpha.save()
    with pytest.raises(BudgetExceeded):
        hold(claim(payer, started_at=moment, fixed_cost=Decimal("1.01")))
    assert BudgetPeriod.objects.count() == 1 or BudgetPeriod.objects.count() == 2
    end(claim(payer, call_id=running.call_id, started_at=moment), cost="1")
    hold(claim(payer, started_at=moment, fixed_cost=Decimal(0), answer_tokens=None))
    assert {period.spent for period in BudgetPeriod.objects.all()} == {10}
    assert_sums_hold()


def test_what_a_dead_process_held_is_counted_in_full(payer):
    budget(10, team_id=payer.team_id)
    call = claim(payer)
    hold(call, lease=OVER)
    hold(claim(payer))
    assert expire() == 1
    assert expire() == 0
    row = UsageRecord.objects.get()
    assert (row.call_id, row.outcome, row.tokens_source) == (call.call_id, "lost", "reserved")
    assert (row.cost, row.prompt_tokens, row.completion_tokens) == (2, 100, 100)
    period = BudgetPeriod.objects.get()
    assert (period.spent, period.reserved) == (2, 2)


def test_a_call_thought_lost_that_ends_after_all_is_counted_with_what_it_used(payer):
    budget(10, team_id=payer.team_id)
    budget(1000, unit="tokens", user_id=payer.user_id)
    call = claim(payer)
    hold(call, lease=OVER)
    expire()
    lost = UsageRecord.objects.get().pk
    assert end(call, cost="0.25", tokens=(7, 5), outcome="cancelled") == lost
    row = UsageRecord.objects.get()
    assert (row.outcome, row.cost, row.prompt_tokens) == ("cancelled", Decimal("0.25"), 7)
    assert sorted(BudgetPeriod.objects.values_list("spent", "reserved")) == [
        (Decimal("0.25"), 0),
        (12, 0),
    ]
    assert end(call, cost="5") == lost
    assert_sums_hold()


def test_deleting_a_project_forgives_its_team_nothing(world, payer):
    budget(10, team_id=payer.team_id)
    budget(10, project_id=payer.project_id)
    call, running = claim(payer), claim(payer)
    hold(call)
    hold(running)
    end(call, cost="3")
    delete_project(world.shared_project, actor=SYSTEM)
    assert UsageRecord.objects.get().project_id == payer.project_id
    [period] = BudgetPeriod.objects.all()
    assert (period.spent, period.reserved) == (3, 2)
    end(running, cost="1")
    period.refresh_from_db()
    assert (period.spent, period.reserved) == (4, 0)


def test_each_share_is_noted_once(payer):
    budget(10, team_id=payer.team_id)
    hold(claim(payer))
    for cost in ("4.9", "0.1", "2", "1", "1", "0.5"):
        end(claim(payer), cost=cost)
    assert list(BudgetAlert.objects.order_by("pk").values_list("percent", flat=True)) == [50, 80]
    end(claim(payer), cost="0.5")
    assert list(BudgetAlert.objects.order_by("pk").values_list("percent", flat=True))[2:] == [100]


def test_the_counters_cannot_be_less_than_nothing(payer):
    budget(10, team_id=payer.team_id)
    hold(claim(payer))
    from django.db import IntegrityError

    for column in ("spent", "reserved"):
        with pytest.raises(IntegrityError), transaction.atomic():
            BudgetPeriod.objects.update(**{column: -1})


def test_old_reservations_are_forgotten_and_running_ones_are_not(payer):
    budget(100, team_id=payer.team_id)
    done, running = claim(payer), claim(payer)
    hold(done, lease=OVER)
    hold(running, lease=OVER)
    end(done)
    assert clear_settled(timezone.now()) == 2  # the reservation and its line
    assert Reservation.objects.get().call_id == running.call_id
    assert_sums_hold()


@pytest.mark.django_db(transaction=True)
def test_a_period_that_begins_while_calls_end_counts_each_of_them_once(payer):
    """The moment at which the ledger is summed up, against forty calls that are being written."""
    for round_number in range(6):
        user = make_user(f"user{round_number}")
        theirs = Payer(payer.team_id, payer.project_id, user.pk, None)
        start = Barrier(9)
        begun = Event()

        def write(_, theirs=theirs, start=start):
            try:
                start.wait()
                for _ in range(12):
                    end(claim(theirs), cost="1")
            finally:
                connection.close()

        def begin(theirs=theirs, start=start, user=user, begun=begun):
            try:
                start.wait()
                budget(1000, user_id=user.pk)
                with transaction.atomic():
                    begin_periods(applying_to(theirs), timezone.now())
                begun.set()
            finally:
                connection.close()

        with ThreadPoolExecutor(9) as threads:
            beginning = threads.submit(begin)
            list(threads.map(write, range(8)))
            beginning.result()
        assert begun.is_set()
        assert BudgetPeriod.objects.get(budget__user=user).spent == 96
    assert_sums_hold()


@pytest.mark.django_db(transaction=True)
def test_whatever_calls_do_at_once_the_sums_hold(world, payer):
    """Calls that end, end twice, end late or never, over budgets that they share."""
    people = [world.member, world.viewer, world.editor]
    for person in people:
        budget(300, user_id=person.pk)
        budget(40_000, unit="tokens", period="day", user_id=person.pk)
    budget(700, team_id=world.alpha.pk)
    budget(100_000, unit="tokens", project_id=world.shared_project.pk)

    def one(seed):
        chance = random.Random(seed)  # noqa: S311
        try:
            for _ in range(25):
                who = chance.choice(people)
                project = chance.choice([world.shared_project.pk, world.project.pk, None])
                call = claim(
                    Payer(world.alpha.pk, project, who.pk, None),
                    answer_tokens=chance.randint(64, 400),
                )
                try:
                    hold(call, lease=OVER if chance.random() < 0.3 else timedelta(minutes=1))
                except BudgetExceeded:
                    continue
                if chance.random() < 0.2:
                    expire()
                if chance.random() < 0.8:
                    cost = Decimal(chance.randint(1, 2_000_000)).scaleb(-6)
                    for _ in range(chance.choice([1, 1, 2])):
                        end(call, cost=cost, tokens=(chance.randint(1, 150), chance.randint(0, 99)))
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(one, range(12)))
    assert UsageRecord.objects.count() > 100
    assert_sums_hold()
    Reservation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    expire()
    assert not Reservation.objects.filter(state="held").exists()
    assert not BudgetPeriod.objects.exclude(reserved=0).exists()
    assert_sums_hold()
