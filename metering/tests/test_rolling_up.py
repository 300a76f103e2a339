"""The roll-ups say what the ledger says, whatever came in which order, and whoever was killed."""

import random
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.db.models import Sum
from django.utils import timezone

from metering import rolling_up, tasks
from metering.claims import Payer, Spending
from metering.levels import DIMENSIONS, KEY, LEVELS, WINDOWED
from metering.models import RollupState, StaleDay, UsageRecord, UsageRollup
from metering.models.rollups import HISTOGRAM, SUMS
from metering.rolling_up import ledger_begins, mark_all, roll_up
from metering.settling import settle
from metering.spans import WINDOW_DAYS, day_of
from metering.tests.ledger import SUMS as RAW
from metering.tests.ledger import record, write, write_all

OUTCOMES = [*UsageRecord.Outcome.values, "completed", "completed", "completed"]
COLUMNS = ("grain", "level", "starts_at", *DIMENSIONS, *SUMS, *HISTOGRAM)
# A Wednesday.
NOW = datetime(2026, 7, 15, 13, 37, 11, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def rows():
    return sorted(UsageRollup.objects.values_list(*COLUMNS), key=str)


def anybody(world, chance):
    project = chance.choice([world.project, world.shared_project, world.other_project, None])
    user = chance.choice([world.viewer, world.editor, world.outsider, None])
    return project, user


def write_random(world, chance, moments):
    """Write a call of anybody at each of the moments."""
    write_all([(at, random_call(world, chance)) for at in moments])


def random_call(world, chance):
    """Return a call, not written yet."""
    project, user = anybody(world, chance)
    return record(
        project,
        user,
        api_key_id=chance.choice([None, None, 7, 8]),
        model_name=chance.choice(["one", "two"]),
        kind=chance.choice(UsageRecord.Kind.values),
        outcome=chance.choice(OUTCOMES),
        prompt_tokens=chance.randrange(1000),
        completion_tokens=chance.randrange(1000),
        latency_ms=chance.choice([0, 1, 2, chance.randrange(100), chance.randrange(3_600_000)]),
        first_token_ms=chance.choice([None, chance.randrange(1000)]),
        cost=Decimal(chance.randrange(10**9)).scaleb(-12),
    )


def grouped(level, ledger):
    """Return what the ledger says of a level, in the order of its dimensions."""
    found = (
        ledger.order_by().values(*LEVELS[level]).annotate(**RAW)
        if LEVELS[level]
        else [ledger.aggregate(**RAW)]
    )
    return {
        tuple(row[name] or (0 if name.endswith("_id") else "") for name in LEVELS[level]): tuple(
            row[name] for name in RAW
        )
        for row in found
        if row["requests"]
    }


def summed(level, rollups):
    names = list(RAW)
    columns = [
        {"prompt": "prompt_tokens", "completion": "completion_tokens", "spent": "cost"}.get(
            name, name
        )
        for name in names
    ]
    sums = {f"all_{name}": Sum(name) for name in columns}
    of_level = rollups.filter(level=level)
    found = (
        of_level.values(*LEVELS[level]).annotate(**sums)
        if LEVELS[level]
        else [of_level.aggregate(**sums)]
    )
    return {
        tuple(row[name] for name in LEVELS[level]): tuple(row[f"all_{name}"] for name in columns)
        for row in found
        if row["all_requests"]
    }


def assert_true_to_the_ledger(now):
    """Compare each grain and level with the ledger, to the last row."""
    days_until = RollupState.objects.get().days_until
    assert days_until is not None
    days = UsageRecord.objects.filter(created_at__lt=days_until)
    kept_from = day_of(now) - rolling_up.HOURS_KEPT
    windows = {days_until - days * DAY: days_until for days in WINDOW_DAYS}
    for grain, ledger in (
        ("day", days),
        ("hour", UsageRecord.objects.filter(created_at__gte=min(kept_from, days_until))),
    ):
        for level in LEVELS:
            rollups = UsageRollup.objects.filter(grain=grain)
            assert_level(level, rollups, ledger)
    found = UsageRollup.objects.filter(grain="window")
    assert set(found.values_list("starts_at", flat=True)) <= set(windows)
    for begin, end in windows.items():
        for level in WINDOWED:
            ledger = UsageRecord.objects.filter(created_at__gte=begin, created_at__lt=end)
            assert_level(level, found.filter(starts_at=begin), ledger)


def assert_level(level, rollups, ledger):
    seen = ledger.filter(api_key_id__isnull=False) if level == KEY else ledger
    assert summed(level, rollups) == grouped(level, seen), level


@pytest.mark.parametrize("seed", range(4))
def test_every_level_says_what_the_ledger_says_whatever_came_in_which_order(world, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable
    now = NOW
    for _ in range(5):
        now += chance.choice([HOUR, 5 * HOUR, DAY, 3 * DAY])
        # Also into hours and days that are summed up already.
        reach = [chance.choice([1, 3, 24]) * DAY for _ in range(25)]
        write_random(world, chance, [now - chance.random() * days for days in reach])
        roll_up(now)
        assert_true_to_the_ledger(now)
        assert not StaleDay.objects.exists()


def test_hours_and_days_begin_and_end_in_utc_to_the_microsecond(world):
    midnight = NOW.replace(hour=0, minute=0, second=0) - 2 * DAY
    write(world.project, world.viewer, at=midnight)
    write(world.project, world.viewer, at=midnight - timedelta(microseconds=1))
    roll_up(NOW)
    days = UsageRollup.objects.filter(level="all", grain="day").order_by("starts_at")
    assert list(days.values_list("starts_at", "requests")) == [(midnight - DAY, 1), (midnight, 1)]
    hours = UsageRollup.objects.filter(level="all", grain="hour").order_by("starts_at")
    assert list(hours.values_list("starts_at", flat=True)) == [midnight - HOUR, midnight]


def test_a_second_run_changes_nothing_and_writes_nothing(world):
    chance = random.Random(1)  # noqa: S311 - repeatable
    write_random(world, chance, [NOW - chance.random() * 12 * DAY for _ in range(40)])
    roll_up(NOW)
    before = rows(), set(UsageRollup.objects.values_list("pk", flat=True))
    roll_up(NOW)
    assert (rows(), set(UsageRollup.objects.values_list("pk", flat=True))) == before


def test_a_call_is_counted_by_the_next_run(world):
    roll_up(NOW)
    write(world.project, world.viewer, at=NOW + timedelta(seconds=20))
    roll_up(NOW + timedelta(minutes=1))
    assert UsageRollup.objects.get(level="all", grain="hour").requests == 1
    assert RollupState.objects.get().rolled_until == NOW + timedelta(minutes=1)


def test_a_call_that_is_committed_late_is_counted(world):
    """As by a transaction that stayed open: nothing marks the day of such a call."""
    roll_up(NOW)
    write(world.project, world.viewer, at=NOW - timedelta(minutes=90))
    StaleDay.objects.all().delete()
    roll_up(NOW + timedelta(minutes=1))
    assert UsageRollup.objects.get(level="all", grain="hour").requests == 1


def test_a_day_is_summed_once_nothing_can_be_committed_into_it_any_more(world):
    midnight = NOW.replace(hour=0, minute=0, second=0)
    write(world.project, world.viewer, at=midnight - HOUR)
    StaleDay.objects.all().delete()
    roll_up(midnight + HOUR)
    assert not UsageRollup.objects.filter(grain="day").exists()
    roll_up(midnight + 3 * HOUR)
    assert UsageRollup.objects.get(level="all", grain="day").requests == 1


def test_days_that_were_missed_catch_up(world):
    write(world.project, world.viewer, at=NOW - 20 * DAY)
    roll_up(NOW - 19 * DAY)
    for days in (18, 10, 5, 1):
        write(world.project, world.viewer, at=NOW - days * DAY)
    StaleDay.objects.all().delete()
    roll_up(NOW)
    assert_true_to_the_ledger(NOW)
    assert UsageRollup.objects.filter(level="all", grain="day").count() == 5


def test_a_run_that_is_killed_has_done_whole_steps_and_the_next_goes_on(world, monkeypatch):
    """The process dies after the rows of a step are written and before they are committed."""
    chance = random.Random(2)  # noqa: S311 - repeatable
    write_random(world, chance, [NOW - chance.random() * 12 * DAY for _ in range(40)])
    StaleDay.objects.all().delete()
    writes = []

    class Killed(BaseException):
        pass

    def kill_at_the_fourth(execute, sql, params, many, context):
        result = execute(sql, params, many, context)
        if "INSERT INTO metering_usagerollup" in sql:
            writes.append(sql)
            if len(writes) == 4:
                raise Killed
        return result

    with connection.execute_wrapper(kill_at_the_fourth), pytest.raises(Killed):
        roll_up(NOW)
    until = RollupState.objects.get().days_until
    assert until is not None
    assert until < day_of(NOW)
    roll_up(NOW)
    assert_true_to_the_ledger(NOW)


def test_what_a_lost_call_has_used_after_all_is_counted_in_its_old_day(world):
    call_id = uuid4()
    payer = Payer(world.alpha.pk, world.project.pk, world.viewer.pk, None)
    values = {
        "call_id": call_id,
        "payer": payer,
        "model_name": "m",
        "kind": "chat",
        "started_at": timezone.now(),
        "tokens_source": "provider",
        "latency_ms": 10,
        "first_token_ms": None,
        "streamed": False,
        "request_id": "",
    }
    now = timezone.now()
    settle(
        Spending(**values, prompt_tokens=9, completion_tokens=9, cost=Decimal(9), outcome="lost")
    )
    UsageRecord.objects.update(created_at=now - 5 * DAY)
    roll_up()
    assert UsageRollup.objects.get(level="all", grain="day").failures == 1
    settle(
        Spending(
            **values, prompt_tokens=1, completion_tokens=2, cost=Decimal(3), outcome="completed"
        )
    )
    roll_up()
    day = UsageRollup.objects.get(level="all", grain="day")
    assert (day.failures, day.completed, day.cost, day.prompt_tokens) == (0, 1, 3, 1)
    assert_true_to_the_ledger(now)


def test_a_call_that_is_written_now_marks_no_day(world):
    UsageRecord.objects.create(
        model_name="m",
        prompt_tokens=1,
        completion_tokens=1,
        tokens_source="provider",
        latency_ms=1,
        outcome="completed",
    )
    assert not StaleDay.objects.exists()


def test_days_that_have_left_the_ledger_stay_as_they_are(world):
    old = [write(world.project, world.viewer, age=days * DAY).pk for days in (40, 41)]
    kept = write(world.project, world.viewer, age=3 * DAY)
    roll_up()
    ledger_begins(timezone.now() - 30 * DAY)
    UsageRecord.objects.filter(pk__in=old).delete()
    mark_all()
    StaleDay.objects.create(starts_at=day_of(timezone.now() - 40 * DAY))
    roll_up()
    days = UsageRollup.objects.filter(level="all", grain="day")
    assert days.aggregate(total=Sum("requests"))["total"] == 3
    assert days.filter(starts_at=day_of(kept.created_at)).exists()
    assert not StaleDay.objects.exists()


def test_the_ledger_keeps_what_is_not_summed_up(db):
    with pytest.raises(ValueError, match="not summed up yet"):
        ledger_begins(timezone.now() + DAY)


def test_hours_are_kept_eight_days_and_days_for_good(world):
    write(world.project, world.viewer, at=NOW - 9 * DAY)
    write(world.project, world.viewer, at=NOW - 7 * DAY)
    roll_up(NOW)
    of_all = UsageRollup.objects.filter(level="all")
    assert of_all.filter(grain="hour").count() == 1
    roll_up(NOW + 3 * DAY)
    assert of_all.filter(grain="hour").count() == 0
    assert of_all.filter(grain="day").count() == 2


def test_a_clock_that_was_set_back_counts_on(world):
    roll_up(NOW)
    write(world.project, world.viewer, at=NOW - 5 * HOUR)
    StaleDay.objects.all().delete()
    roll_up(NOW - 5 * HOUR + timedelta(minutes=10))
    assert UsageRollup.objects.get(level="all", grain="hour").requests == 1


def test_an_empty_ledger_is_rolled_up_too(db):
    roll_up(NOW)
    assert not UsageRollup.objects.exists()
    assert RollupState.objects.get().rolled_until == NOW


def test_the_command_sums_up_everything_again(world):
    write(world.project, world.viewer, age=12 * DAY)
    roll_up()
    UsageRollup.objects.all().delete()
    said = StringIO()
    call_command("roll_up", "--all", stdout=said)
    assert_true_to_the_ledger(timezone.now())
    assert UsageRollup.objects.filter(level="all", grain="day").count() == 1
    assert "up to date" in said.getvalue()


def test_the_task_of_the_timetable_rolls_up(world, settings):
    names = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert tasks.roll_up.name in names
    write(world.project, world.viewer)
    tasks.roll_up()
    assert UsageRollup.objects.get(level="all").requests == 1


@pytest.mark.django_db(transaction=True)
def test_while_one_process_is_at_it_another_returns_at_once(db):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [rolling_up.ROLL_UP])
        counted = []
        other = threading.Thread(target=lambda: counted.append(_in_a_thread()))
        other.start()
        other.join(timeout=30)
        assert counted == [0]
        assert not RollupState.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_count_nothing_twice():
    from restai_site.tests.world import make_world

    world, chance = make_world(), random.Random(5)  # noqa: S311 - repeatable
    write_random(world, chance, [NOW - chance.random() * 12 * DAY for _ in range(120)])
    threads = [threading.Thread(target=_in_a_thread) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    roll_up(NOW)
    assert_true_to_the_ledger(NOW)


def _in_a_thread():
    try:
        return roll_up(NOW)
    finally:
        connections.close_all()
