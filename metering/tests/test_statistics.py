"""Use over time: what pages show is what the ledger says of what one may see."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from metering.charts import charts_of
from metering.leaders import leaders, ways_of
from metering.rolling_up import roll_up
from metering.scope import Filters, Scope
from metering.spans import covering, day_of, period_of
from metering.statistics import Statistics
from metering.tests.ledger import write
from restai_site.lib.actor import Actor
from restai_site.tests.world import acting

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def statistics_of(actor, period="30d", **filters):
    return Statistics(Scope(actor, Filters(**filters)), period_of(period))


def test_nobodys_calls_are_nobodys(world):
    """Calls without a user stand under 0 in the roll-ups, which is no user's id."""
    write(None, None)
    roll_up()
    for actor in (acting(world.viewer), Actor(user_id=None, email="")):
        assert statistics_of(actor).totals.requests == 0
        assert statistics_of(actor, user=0).totals.requests == 0


def test_latency_is_that_of_completed_calls_within_five_percent(world):
    chance = random.Random(3)  # noqa: S311 - repeatable
    times = sorted(round(chance.lognormvariate(6, 1.5)) + 1 for _ in range(200))
    for latency in times:
        write(world.project, world.viewer, latency_ms=latency, age=chance.random() * 20 * DAY)
    write(world.project, world.viewer, latency_ms=3_000_000, outcome="timeout")
    roll_up()
    totals = statistics_of(acting(world.viewer)).totals
    for fraction, shown in ((0.5, totals.latency_p50), (0.95, totals.latency_p95)):
        assert shown == pytest.approx(times[int(fraction * 199)], rel=0.05)


def test_without_calls_there_are_no_percentiles_and_no_rate(world):
    totals = statistics_of(acting(world.viewer)).totals
    assert (totals.latency_p50, totals.latency_p95, totals.error_rate) == (None, None, None)


def test_what_is_not_rolled_up_yet_is_not_there_and_the_page_says_until_when(world):
    roll_up()
    write(world.project, world.viewer)
    found = statistics_of(acting(world.viewer))
    assert found.totals.requests == 0
    assert found.as_of is not None
    roll_up()
    assert statistics_of(acting(world.viewer)).totals.requests == 1


def test_before_the_first_roll_up_nothing_is_counted(world):
    write(world.project, world.viewer)
    found = statistics_of(acting(world.viewer))
    assert (found.totals.requests, found.as_of) == (0, None)


@pytest.mark.parametrize(("key", "count"), [("24h", 24), ("7d", 7), ("30d", 30), ("90d", 90)])
def test_a_period_has_its_buckets_and_ends_now(key, count):
    period = period_of(key)
    now = timezone.now()
    assert len(period.buckets) == count
    assert period.buckets[-1] <= now < period.buckets[-1] + period.step


def test_an_unknown_period_is_the_usual_one():
    assert period_of("zzz").key == "30d"


@pytest.mark.parametrize("windows", [True, False])
@pytest.mark.parametrize("days_done", [0, 1, 5, 6, 20, 28, 29, 30, 88, 89, 90])
def test_each_hour_is_covered_exactly_once(windows, days_done):
    """Whatever is summed by days and windows already; read from the condition itself."""
    starts = day_of(timezone.now())
    until = starts + days_done * DAY
    for length in (1, 6, 7, 29, 30, 90):
        ends = starts + length * DAY
        condition = covering(starts, ends, bucket="day", days_until=until, windows=windows)
        hours = []
        for part in condition.children:
            given = dict(part.children)
            if given["grain"] == "window":
                assert windows
                begin, end, step = given["starts_at"], until, DAY
            else:
                begin, end = given["starts_at__gte"], given["starts_at__lt"]
                step = {"hour": HOUR, "day": DAY}[given["grain"]]
            if given["grain"] != "hour":
                assert end <= until
            while begin < end:
                hours += [begin + hour * HOUR for hour in range(int(step / HOUR))]
                begin += step
        assert sorted(hours) == [starts + hour * HOUR for hour in range(24 * length)]


def test_charts_and_their_tables_say_the_same(world):
    write(world.project, world.viewer)
    write(world.project, world.viewer, age=3 * DAY, outcome="timeout")
    roll_up()
    week = statistics_of(acting(world.platform_admin), "7d")
    requests, tokens, cost, latency = charts_of(week)
    assert requests.data["series"][0]["values"] == [0, 0, 0, 0, 0, 0, 1]
    assert requests.data["series"][1]["values"] == [0, 0, 0, 1, 0, 0, 0]
    assert requests.rows[0]["values"] == ["1", "0"]
    assert tokens.data["series"][0]["values"][-1] == 10
    assert cost.data["series"][0]["values"][-1] == 0.5
    assert latency.data["series"][0]["values"][:3] == [None, None, None]
    assert latency.data["series"][0]["values"][-1] == pytest.approx(100, rel=0.05)


def test_what_guards_and_people_stopped_has_its_own_bars(world):
    write(world.project, world.viewer, outcome="blocked")
    write(world.project, world.viewer, outcome="cancelled")
    roll_up()
    requests = charts_of(statistics_of(acting(world.viewer), "7d"))[0]
    labels = [one["label"] for one in requests.data["series"]]
    assert labels == ["Answered", "Failed", "Stopped", "Blocked by a guard"]


def test_leaders_are_ordered_by_cost_and_named(world):
    write(world.project, world.viewer, cost=Decimal(1))
    write(world.shared_project, world.editor, cost=Decimal(3))
    write(None, world.editor, cost=Decimal(2))
    roll_up()
    found = leaders(statistics_of(acting(world.platform_admin)), ["project", "user", "team"])
    assert [row.name for row in found["project"]] == ["Shared", "Without a project", "Private"]
    assert [row.name for row in found["user"]] == ["Editor", "Viewer"]
    assert [row.name for row in found["team"]] == ["Alpha", "Without a team"]


def test_names_that_one_may_not_see_are_not_told(world):
    """Somebody's own use of a project that they have lost, and a team admin's former member."""
    write(world.other_project, world.viewer)
    write(world.project, world.outsider)
    roll_up()
    mine = leaders(statistics_of(acting(world.viewer)), ["project"])["project"]
    assert [row.name for row in mine] == ["No longer there"]
    team = leaders(statistics_of(acting(world.team_admin)), ["user", "project"])
    assert [row.name for row in team["user"]] == ["No longer there"]
    assert [row.name for row in team["project"]] == ["Private"]


def test_pages_offer_what_is_of_use(world):
    def ways(user, **given):
        return ways_of(Scope(acting(user), Filters(**given)))

    everything = ["team", "project", "model", "kind", "user", "api_key"]
    assert ways(world.platform_admin) == everything
    assert ways(world.platform_admin, model="m") == ["team", "project", "kind"]
    assert ways(world.platform_admin, team=1, model="m") == ["project", "kind", "user", "api_key"]
    assert ways(world.team_admin) == ["project", "model", "kind", "user", "api_key"]
    assert ways(world.viewer) == ["project", "model", "kind", "api_key"]
    assert ways(world.viewer, project=1) == ["model", "kind", "api_key"]
