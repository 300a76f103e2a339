"""Figures of guards: each is the one that counting the rows in Python gives."""

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from guards.detectors import detector
from guards.filters import Filters
from guards.models import GuardBinding, GuardEvent
from guards.periods import ZonedPeriod
from guards.statistics import Statistics, Totals
from guards.tests.events import FOUND, counted, event, events, random_event, told, unsaved
from projects.models import Project
from restai_site.tests.world import SYSTEM, acting
from teams.services import add_member

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PERIODS = ("24h", "7d", "30d", "90d")
# Fourteen hours before UTC, eleven after, by half an hour and by three quarters, and with clocks
# that are changed in spring and in autumn, at midnight too.
ZONES = (
    "UTC",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/New_York",
    "America/Santiago",
    "America/Havana",
    "Africa/Cairo",
    "Australia/Lord_Howe",
)
# When clocks are changed: the moments of 2026 in New York, Santiago, Havana, Cairo, Lord Howe.
CHANGES = (
    datetime(2026, 3, 8, 12, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 12, 30, tzinfo=UTC),
    datetime(2026, 4, 5, 9, 0, tzinfo=UTC),
    datetime(2026, 9, 6, 9, 0, tzinfo=UTC),
    datetime(2026, 4, 24, 8, 0, tzinfo=UTC),
    datetime(2026, 10, 4, 7, 0, tzinfo=UTC),
)


def period_at(key, zone, now):
    period = ZonedPeriod.of(key, zone)
    period.period.__dict__["now"] = now
    return period


def bound(project, name, **judge):
    judge = judge or {"detector": "personal_data"}
    return GuardBinding.objects.create(project=project, name=name, **judge)


@pytest.fixture
def places(world):
    """Projects of two teams, each with the bindings before it; one guard is a project."""
    guard = Project.objects.create(team=world.alpha, llm=world.llm, name="Judge")
    mandatory = GuardBinding.objects.create(is_for_all=True, name="House rules", detector="secrets")
    made = {}
    for project in (world.project, world.shared_project, world.other_project):
        own = bound(project, f"Data of {project.name}")
        judged = bound(project, "Judge", guard=guard)
        made[project] = (project, [own, judged, mandatory])
    return made


def fill(places, now, *, count, seed=7):
    """Write rows at random, and some at each edge of the days around."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    rows = []
    for reach in (1, 8, 35, 100, 200):
        rows += [
            random_event(
                chance, chance.choice(list(places.values())), now - chance.random() * reach * DAY
            )
            for _ in range(count // 5)
        ]
    for zone in ZONES:
        for key in PERIODS:
            period = period_at(key, zone, now)
            edges = [
                *chance.sample(period.buckets, 2),
                *(period.starts, period.ends, period.previous_starts, period.previous_ends),
            ]
            for edge in edges:
                place = chance.choice(list(places.values()))
                rows += [
                    random_event(chance, place, edge + away)
                    for away in (-timedelta(microseconds=1), timedelta(0))
                ]
    return events(rows)


def within(rows, starts, ends):
    return [row for row in rows if starts <= row.created_at < ends]


def same(found, rows, about):
    """Compare to the last one; percentiles, which are fractions, to the last digits."""
    expected, shown = counted(rows), told(found)
    for name in ("latency_p50", "latency_p95"):
        value, right = shown.pop(name), expected.pop(name)
        assert value == (None if right is None else pytest.approx(right, rel=1e-12)), (about, name)
    assert shown == expected, about


def narrowed(world, places):
    """Return filters, and for each what a row must be."""
    project, (own, judged, mandatory) = places[world.project]
    yield {}, lambda _: True
    yield {"team": world.alpha.pk}, lambda row: row.team_id == world.alpha.pk
    yield {"project": project.pk}, lambda row: row.project_id == project.pk
    yield {"guard": judged.guard_id}, lambda row: row.guard_id == judged.guard_id
    yield {"binding": mandatory.pk}, lambda row: row.binding_id == mandatory.pk
    yield {"detector": "personal_data"}, lambda row: row.detector == "personal_data"
    yield (
        {"project": project.pk, "binding": own.pk, "stage": "output"},
        lambda row: (row.project_id, row.binding_id, row.stage) == (project.pk, own.pk, "output"),
    )


@pytest.mark.parametrize("now", [None, *CHANGES[:4:3]])
def test_every_figure_is_that_of_the_rows_in_every_zone_and_period(world, places, now):
    now = now or timezone.now()
    rows = fill(places, now, count=250)
    assert len(rows) > 600
    actor = acting(world.platform_admin)
    for zone in ZONES if now == CHANGES[0] else (ZONES[1], *ZONES[5:]):
        for key in PERIODS:
            period = period_at(key, zone, now)
            for given, fits in narrowed(world, places):
                about = (zone, key, given)
                found = Statistics(Filters(**given).rows(actor), period)
                mine = [row for row in rows if fits(row)]
                same(found.totals, within(mine, period.starts, period.ends), about)
                before = within(mine, period.previous_starts, period.previous_ends)
                same(found.previous, before, (*about, "before"))


@pytest.mark.parametrize(
    ("zone", "moments"),
    [
        ("Pacific/Kiritimati", [None]),
        ("Pacific/Pago_Pago", [None]),
        ("Asia/Kathmandu", [None]),
        ("America/New_York", CHANGES[:2]),
        ("America/Havana", CHANGES[:2]),
        ("America/Santiago", CHANGES[2:4]),
        ("Africa/Cairo", CHANGES[4:5]),
        ("Australia/Lord_Howe", CHANGES[2::3]),
    ],
)
def test_each_bar_is_that_of_its_hour_or_day_where_people_are(world, places, zone, moments):
    for now in (moment or timezone.now() for moment in moments):
        GuardEvent.objects.all().delete()
        rows = fill({world.project: places[world.project]}, now, count=200)
        for key in ("24h", "7d", "30d"):
            period = period_at(key, zone, now)
            found = Statistics(GuardEvent.objects.all(), period)
            by_bucket = defaultdict(list)
            for row in within(rows, period.starts, period.ends):
                there = row.created_at.astimezone(ZoneInfo(zone))
                hour = row.created_at.replace(minute=0, second=0, microsecond=0)
                by_bucket[hour if key == "24h" else there.date()].append(row)
            assert len(found.series) == len(period.buckets)
            for moment, totals in found.series:
                mark = moment if key == "24h" else moment.astimezone(ZoneInfo(zone)).date()
                same(totals, by_bucket.pop(mark, []), (zone, now, key, moment))
            assert not by_bucket
            assert sum(totals.checked for _, totals in found.series) == found.totals.checked


@pytest.mark.parametrize("zone", ZONES)
def test_days_follow_one_another_from_midnight_to_midnight(zone):
    for now in (timezone.now(), *CHANGES):
        period = period_at("90d", zone, now)
        edges = [*period.buckets, period.ends]
        days = [edge.astimezone(ZoneInfo(zone)).date() for edge in edges]
        assert len(set(days)) == 91
        assert all(after - before == DAY for before, after in pairwise(days))
        lengths = {after - before for before, after in pairwise(edges)}
        assert lengths <= {DAY, *(DAY + part * HOUR for part in (-1, -0.5, 0.5, 1))}
        assert period.starts <= now < period.ends
        assert period.previous_starts < period.previous_ends <= period.starts


def test_a_day_is_as_long_as_the_clocks_make_it():
    spring = period_at("7d", "America/New_York", datetime(2026, 3, 10, tzinfo=UTC))
    lengths = [after - before for before, after in pairwise(spring.buckets)]
    assert 23 * HOUR in lengths
    autumn = period_at("7d", "America/New_York", datetime(2026, 11, 3, tzinfo=UTC))
    lengths = [after - before for before, after in pairwise(autumn.buckets)]
    assert 25 * HOUR in lengths


def test_a_moment_is_of_another_day_at_the_other_end_of_the_world(world):
    now = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
    moment = datetime(2026, 6, 9, 10, 30, tzinfo=UTC)
    events([unsaved(world.project, at=moment)])
    for zone, day in (("UTC", 9), ("Pacific/Kiritimati", 10), ("Pacific/Pago_Pago", 8)):
        period = period_at("7d", zone, now)
        found = [
            period.name(at)
            for at, totals in Statistics(GuardEvent.objects.all(), period).series
            if totals.checked
        ]
        # 10:30 in UTC is half past midnight of the next day in Kiritimati, 23:30 in Pago Pago.
        assert found == [f"{day} Jun"], zone


@pytest.mark.parametrize("key", PERIODS)
def test_categories_are_those_of_the_findings(world, places, key):
    now = timezone.now()
    rows = fill(places, now, count=300)
    period = period_at(key, "UTC", now)
    mine = [row for row in within(rows, period.starts, period.ends) if row.outcome in FOUND]
    counts = Counter(row.category for row in mine)
    blocked = Counter(row.category for row in mine if row.outcome == "blocked")
    found = Statistics(GuardEvent.objects.all(), period).categories
    assert {one.value: (one.found, one.blocked) for one in found} == {
        name: (count, blocked[name]) for name, count in counts.items()
    }
    assert [one.found for one in found] == sorted(counts.values(), reverse=True)
    labels = {one.value: one.label for one in found}
    # A detector's own words, and what is readable of a category that no detector has.
    assert labels["email"] == dict(detector("personal_data").categories)["email"]
    assert labels["prompt_injection"] == "Prompt injection"


@pytest.mark.parametrize("key", PERIODS)
def test_guards_of_a_project_are_told_apart_by_where_they_stand(world, places, key):
    now = timezone.now()
    rows = fill(places, now, count=300)
    period = period_at(key, "Africa/Cairo", now)
    mine = defaultdict(list)
    for row in within(rows, period.starts, period.ends):
        if row.project_id == world.project.pk:
            mine[row.binding_id, row.guard_name].append(row)
    scope = GuardEvent.objects.filter(project=world.project)
    found = Statistics(scope, period, by_binding=True).guards
    assert {(line.binding, line.name) for line in found} == set(mine)
    for line in found:
        same(line.totals, mine[line.binding, line.name], line.name)
    sizes = [line.totals.checked for line in found]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("key", PERIODS)
def test_guards_of_a_team_are_told_apart_by_who_judges(world, places, key):
    now = timezone.now()
    rows = fill(places, now, count=300)
    period = period_at(key, "UTC", now)
    mine = defaultdict(list)
    for row in within(rows, period.starts, period.ends):
        if row.team_id == world.alpha.pk:
            gone = row.guard_name if not row.guard_id and not row.detector else ""
            mine[row.guard_id, row.detector, gone].append(row)
    found = Statistics(GuardEvent.objects.filter(team=world.alpha), period).guards
    assert len(found) == len(mine)
    for line in found:
        gone = line.name if not line.guard and not line.detector else ""
        same(line.totals, mine[line.guard, line.detector, gone], line.name)
    titles = {line.detector: line.name for line in found}
    assert titles["secrets"] != "secrets"


def test_a_guard_that_was_renamed_stays_one_and_one_that_is_gone_keeps_its_name(world, places):
    project, (own, judged, _) = places[world.project]
    event(project, binding=own, guard_name="Old name")
    event(project, binding=own, guard_name="Data of Private")
    event(project, binding=judged, guard=judged.guard, guard_name="Judge", detector="")
    Project.objects.filter(pk=judged.guard_id).delete()
    judged.delete()
    own.name = "New name"
    own.save()
    lines = Statistics(GuardEvent.objects.all(), ZonedPeriod.of("7d"), by_binding=True).guards
    assert [(line.name, line.totals.checked) for line in lines] == [("New name", 2), ("Judge", 1)]
    assert lines[1].binding is None


def test_every_actor_counts_what_they_may_see_and_no_more(world, places):
    now = timezone.now()
    rows = fill(places, now, count=300)
    add_member(world.beta, world.viewer, role="admin", actor=SYSTEM)
    alpha, beta = world.alpha.pk, world.beta.pk
    seen = {
        "platform_admin": lambda row: True,
        "team_admin": lambda row: row.team_id == alpha,
        "editor": lambda row: row.project_id == world.project.pk,
        # Of Beta's, which they run; of Alpha's project they are no more than a viewer.
        "viewer": lambda row: row.team_id == beta,
        "member": lambda row: False,
        "outsider": lambda row: False,
        "outsider_admin": lambda row: row.team_id == beta,
    }
    period = period_at("90d", "Pacific/Kiritimati", now)
    for name, may_see in seen.items():
        actor = acting(getattr(world, name))
        for given, fits in narrowed(world, places):
            found = Statistics(Filters(**given).rows(actor), period)
            mine = [row for row in rows if may_see(row) and fits(row)]
            same(found.totals, within(mine, period.starts, period.ends), (name, given))
    key = acting(world.team_admin, project_ids=frozenset({world.project.pk}))
    found = Statistics(Filters().rows(key), period)
    mine = [row for row in rows if row.project_id == world.project.pk]
    same(found.totals, within(mine, period.starts, period.ends), "narrowed key")


def test_nothing_gives_no_shares(world):
    found = Statistics(GuardEvent.objects.all(), ZonedPeriod.of("30d"), by_binding=True)
    assert found.totals == found.previous == Totals()
    assert found.totals.block_rate is found.totals.precision is found.totals.recall is None
    assert found.categories == found.guards == []
    assert {totals.checked for _, totals in found.series} == {0}


def test_precision_and_recall_by_hand(world):
    for outcome, review, count in (
        *(("blocked", "right", 3), ("blocked", "wrong", 1), ("blocked", "", 9)),
        *(("warned", "right", 2), ("redacted", "right", 1), ("warned", "wrong", 5)),
        *(("passed", "wrong", 4), ("passed", "right", 7), ("passed", "", 9)),
        *(("failed_closed", "", 6), ("failed_open", "", 2)),
    ):
        for _ in range(count):
            event(world.project, outcome=outcome, review=review)
    totals = Statistics(GuardEvent.objects.all(), ZonedPeriod.of("7d")).totals
    assert totals.precision == 3 / 4
    assert totals.recall == 6 / (6 + 4)
    assert totals.reviewed == 23
    assert totals.checked == 49
    assert totals.block_rate == 13 / 49
    assert totals.failure_rate == 8 / 49
    assert (totals.found, totals.failed) == (21, 8)


def test_four_questions_whatever_the_number_of_rows(world, places, django_assert_num_queries):
    period = ZonedPeriod.of("30d")
    for count in (0, 5, 200):
        fill(places, timezone.now(), count=count)
        found = Statistics(GuardEvent.objects.all(), period)
        with django_assert_num_queries(4):
            assert found.totals.checked + found.previous.checked >= 0
            assert len(found.series) == 30
            assert len(found.categories) + len(found.guards) >= 0
