"""Keeping the roll-ups: what the ledger holds, summed by hours and days of UTC, and by windows.

Each step reads the ledger anew and writes what differs, so it may be repeated, and a step that is
killed has done nothing. Hours are counted again as long as a late commit can change them
(OVERLAP); then their day is summed once, and the windows that end with it are. What changes later
marks its day (StaleDay), by triggers of the ledger's table. Whoever deletes from the ledger says so
by `ledger_begins`: days that are no longer whole there stay as they are.
"""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from metering.models import RollupState, StaleDay, UsageRecord, UsageRollup
from metering.rollup_sql import DAY, HOUR, LEDGER, WINDOW, WINDOWS
from metering.spans import ONE_DAY, ONE_HOUR, WINDOW_DAYS, day_of, hour_of

# An advisory lock of the database: one step at a time.
ROLL_UP = 7_203_685_002
# The longest transaction that may still write a call, with some to spare.
OVERLAP = timedelta(hours=2)
# Seven days and those before them are compared by the hour.
HOURS_KEPT = timedelta(days=8)
# What is summed and what is there are compared by their hashes. The planner cannot know how many
# groups there will be, and would compare each row with each.
PLAN = """
    SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off; SET LOCAL work_mem = '64MB'
"""
PLAN_AS_USUAL = """
    SET LOCAL enable_nestloop TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT;
    SET LOCAL work_mem TO DEFAULT
"""
Grain = UsageRollup.Grain


def roll_up(now: datetime | None = None) -> int:
    """Bring the roll-ups up to date; return how many steps that took.

    Returns at once while another process is at it.
    """
    moment = now or timezone.now()
    steps = 0
    while _step(moment):
        steps += 1
    return steps


def mark_all(now: datetime | None = None) -> None:
    """Have every day that the ledger holds summed again, by the next `roll_up`."""
    oldest = UsageRecord.objects.order_by("created_at").first()
    if oldest is None:
        return
    day, end = day_of(oldest.created_at), now or timezone.now()
    days = []
    while day <= end:
        days.append(StaleDay(starts_at=day))
        day += ONE_DAY
    StaleDay.objects.bulk_create(days)


@transaction.atomic
def ledger_begins(moment: datetime) -> None:
    """Note that calls before the day of `moment` are about to leave the ledger.

    Sums up what is still to sum first: afterwards, those days are not touched any more.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ROLL_UP])
    roll_up()
    state, _ = RollupState.objects.get_or_create()
    begins = day_of(moment)
    if state.days_until is None or begins > state.days_until:
        raise ValueError("Calls of days that are not summed up yet stay in the ledger.")
    if state.ledger_from is None or begins > state.ledger_from:
        state.ledger_from = begins
        state.save(update_fields=["ledger_from"])


@transaction.atomic
def _step(now: datetime) -> bool:
    """Do the next thing, in one transaction. Return whether there may be more to do."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [ROLL_UP])
        if not cursor.fetchone()[0]:
            return False
    state, _ = RollupState.objects.get_or_create()
    if state.days_until is None:
        state.days_until = _first_day(state, now)
    more = _mend(state, now) or _finish_a_day(state, now) or _open_windows(state)
    more = more or _count_hours(state, now)
    state.save(update_fields=["rolled_until", "days_until", "windows_until"])
    if not more:
        kept_from = min(day_of(now) - HOURS_KEPT, state.days_until)
        UsageRollup.objects.filter(grain=Grain.HOUR, starts_at__lt=kept_from).delete()
    return more


def _first_day(state: RollupState, now: datetime) -> datetime:
    oldest = UsageRecord.objects.order_by("created_at").first()
    first = day_of(oldest.created_at) if oldest else day_of(now)
    first = min(first, day_of(now - OVERLAP))
    return max(first, state.ledger_from) if state.ledger_from else first


def _mend(state: RollupState, now: datetime) -> bool:
    """Sum up one marked day again. Return whether there was one."""
    marked = StaleDay.objects.order_by("starts_at").first()
    if marked is None:
        return False
    day = marked.starts_at
    # Only marks that are seen now: what is marked from here on may not be counted below.
    seen = list(StaleDay.objects.filter(starts_at=day).values_list("pk", flat=True))
    if state.ledger_from is None or day >= state.ledger_from:
        if state.days_until and day < state.days_until:
            _rewrite(LEDGER, DAY, day, day + ONE_DAY)
            state.windows_until = None
        begin = max(day, day_of(now) - HOURS_KEPT)
        _rewrite(LEDGER, HOUR, begin, min(day + ONE_DAY, hour_of(now) + ONE_HOUR))
    StaleDay.objects.filter(pk__in=seen).delete()
    return True


def _finish_a_day(state: RollupState, now: datetime) -> bool:
    """Sum up the first day that has no sum, if nothing can change it any more but a mark."""
    day = state.days_until
    if day is None or day + ONE_DAY > now - OVERLAP:
        return False
    state.days_until = day + ONE_DAY
    _rewrite(LEDGER, DAY, day, day + ONE_DAY)
    return True


def _open_windows(state: RollupState) -> bool:
    """Make the windows anew where their days have changed. Return whether they had."""
    end = state.days_until
    if end is None or state.windows_until == end:
        return False
    UsageRollup.objects.filter(grain=Grain.WINDOW).delete()
    for days in WINDOW_DAYS:
        _rewrite(WINDOWS, WINDOW, end - days * ONE_DAY, end)
    state.windows_until = end
    return True


def _count_hours(state: RollupState, now: datetime) -> bool:
    """Count the hours that are new or may have changed; of several days, one at a time."""
    kept_from = day_of(now) - HOURS_KEPT
    # A clock that was set back counts from where it stands.
    last = min(state.rolled_until, now) if state.rolled_until else kept_from
    begin = max(hour_of(last - OVERLAP), kept_from)
    end = min(begin + ONE_DAY + OVERLAP, hour_of(now) + ONE_HOUR)
    _rewrite(LEDGER, HOUR, begin, end)
    state.rolled_until = min(end, now)
    return end <= now


def _rewrite(source: str, grain: str, begin: datetime, end: datetime) -> None:
    """Have the rows of `grain` that begin from `begin` on and before `end` say what is so now."""
    if begin >= end:
        return
    with connection.cursor() as cursor:
        cursor.execute(PLAN)
        cursor.execute(source, {"grain": grain, "begin": begin, "end": end})
        cursor.execute(PLAN_AS_USUAL)
