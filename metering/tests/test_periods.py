"""Days and months begin at midnight in the zone of the team, whatever clocks are made to do."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from metering.models import BudgetPeriod
from metering.periods import spoken, window
from metering.services import create_budget
from metering.tests.calls import assert_sums_hold
from metering.tests.spending import payer_of, spend
from restai_site.tests.world import SYSTEM


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "zone", "moment", "starts", "ends"),
    [
        ("day", "UTC", "2026-03-29T23:59:59.999999", "2026-03-29T00:00", "2026-03-30T00:00"),
        ("day", "UTC", "2026-03-30T00:00", "2026-03-30T00:00", "2026-03-31T00:00"),
        # Clocks go forward: 23 hours. And back: 25.
        ("day", "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("day", "Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        # The hour that comes twice belongs to one day, both times.
        ("day", "Europe/Berlin", "2026-10-25T00:30", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("day", "Europe/Berlin", "2026-10-25T01:30", "2026-10-24T22:00", "2026-10-25T23:00"),
        # A midnight that there is not: clocks went from 23:59 to 1:00.
        ("day", "America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-05T02:00"),
        ("day", "America/Sao_Paulo", "2018-11-04T02:59", "2018-11-03T03:00", "2018-11-04T03:00"),
        # A midnight that came twice: clocks went from 0:59 to 0:00.
        ("day", "America/Havana", "2026-11-01T04:30", "2026-11-01T04:00", "2026-11-02T05:00"),
        ("day", "America/Havana", "2026-11-01T05:30", "2026-11-01T04:00", "2026-11-02T05:00"),
        # A day that was left out.
        ("day", "Pacific/Apia", "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"),
        ("day", "Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00"),
        ("day", "Asia/Kathmandu", "2026-06-01T18:14", "2026-05-31T18:15", "2026-06-01T18:15"),
        ("month", "UTC", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00"),
        ("month", "UTC", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("month", "Europe/Berlin", "2026-10-31T22:59", "2026-09-30T22:00", "2026-10-31T23:00"),
        ("month", "Europe/Berlin", "2026-10-31T23:00", "2026-10-31T23:00", "2026-11-30T23:00"),
        ("month", "Pacific/Kiritimati", "2026-01-31T10:00", "2026-01-31T10:00", "2026-02-28T10:00"),
        ("month", "Pacific/Pago_Pago", "2026-02-01T10:59", "2026-01-01T11:00", "2026-02-01T11:00"),
    ],
)
def test_a_window_goes_from_midnight_to_midnight(period, zone, moment, starts, ends):
    assert window(period, utc(moment), zone) == (utc(starts), utc(ends))


@pytest.mark.parametrize("period", ["day", "month"])
@pytest.mark.parametrize(
    "zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Asia/Beirut"]
)
def test_windows_follow_each_other_without_gap_or_overlap(period, zone):
    moment = utc("2017-12-15T00:00")
    while moment < utc("2020-02-01T00:00"):
        one = window(period, moment, zone)
        assert one.starts_at <= moment < one.ends_at
        following = window(period, one.ends_at, zone)
        assert following.starts_at == one.ends_at
        assert window(period, one.ends_at - timedelta(microseconds=1), zone) == one
        there = one.starts_at.astimezone(ZoneInfo(zone))
        assert period == "day" or there.day == 1
        moment = one.ends_at


def test_people_read_the_time_of_their_zone():
    assert spoken(utc("2026-11-30T23:00"), "Europe/Berlin") == (
        "1 December 2026 at 00:00 (Europe/Berlin)"
    )


def counted(budget):
    rows = BudgetPeriod.objects.filter(budget=budget).order_by("starts_at")
    return [(row.starts_at, row.spent) for row in rows]


@pytest.fixture
def in_berlin(world):
    world.alpha.time_zone = "Europe/Berlin"
    world.alpha.save()
    return world


def monthly(world, period="month"):
    return create_budget(
        world.alpha, period=period, unit="money", amount=Decimal(1000), actor=SYSTEM
    )


def edges(budget):
    """Return where the period of today begins and ends."""
    row = budget.periods.get()
    return row.starts_at, row.ends_at


@pytest.mark.parametrize("period", ["day", "month"])
def test_a_call_counts_for_the_side_of_midnight_on_which_it_began(in_berlin, period):
    budget, payer = monthly(in_berlin, period), payer_of(in_berlin)
    starts, ends = edges(budget)
    instant = timedelta(microseconds=1)
    for moment in (starts - instant, starts, ends - instant, ends):
        spend(payer, cost="1", started_at=moment)
    assert counted(budget) == [(starts, 2)]
    assert_sums_hold()


def test_a_call_that_was_written_by_a_clock_set_back_is_counted_where_it_began(in_berlin):
    """Its row seems to be written before it began, and before the period did."""
    from metering.models import UsageRecord

    payer = payer_of(in_berlin)
    day = monthly(in_berlin, "day")
    starts, _ = edges(day)
    day.delete()
    row = spend(payer, cost="3", started_at=starts)
    written = starts - timedelta(minutes=5)
    UsageRecord.objects.filter(pk=row).update(created_at=written)
    assert counted(monthly(in_berlin, "day")) == [(starts, 3)]


def test_a_clock_that_is_set_back_reopens_the_day_before_with_what_was_spent_on_it(in_berlin):
    from metering.tests.spending import hold

    payer = payer_of(in_berlin)
    starts, _ = edges(day := monthly(in_berlin, "day"))
    yesterday = starts - timedelta(hours=1)
    spend(payer, cost="4", started_at=yesterday)
    hold(payer, cost="1", started_at=yesterday)
    first, today = counted(day)
    assert first[1] == 4
    assert today == (starts, 0)
    assert_sums_hold()
