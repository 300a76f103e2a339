"""For whoever asks and whatever they ask, the pages sum up what the ledger says."""

import random
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from metering.charts import charts_of
from metering.leaders import every, leaders, ways_of
from metering.models import UsageRecord, UsageRollup
from metering.rolling_up import roll_up
from metering.scope import Filters, Scope
from metering.tests.ledger import sums_of, told
from metering.tests.test_rolling_up import write_random
from metering.tests.test_statistics import statistics_of
from restai_site.lib.actor import Actor
from restai_site.tests.quick_world import make_quick_world
from restai_site.tests.world import SYSTEM, acting
from teams.services import add_member

Groups = defaultdict[Any, list[Any]]
DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


def ledger_of(actor, statistics):
    columns = Scope(actor, statistics.scope.filters).filters.columns
    rows = UsageRecord.objects.visible_to(actor).filter(**columns)
    return rows.filter(created_at__gte=statistics.period.starts)


@pytest.fixture(scope="module")
def busy(django_db_setup, django_db_blocker):
    """A ledger of everybody, over four months; somebody runs both teams, somebody none.

    Made once: it is only read.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        yield fill(make_quick_world())
        transaction.set_rollback(True)


def fill(world):
    add_member(world.beta, world.viewer, role="admin", actor=SYSTEM)
    chance = random.Random(11)  # noqa: S311 - repeatable
    now = timezone.now()
    reaches = [reach * DAY for reach in (1, 8, 35, 120) for _ in range(60)]
    write_random(world, chance, [now - chance.random() * reach for reach in reaches])
    roll_up(now)
    return world


def actors(world):
    ids = frozenset({world.project.pk, world.other_project.pk})
    return {
        "platform admin": acting(world.platform_admin),
        "system": Actor.system("tests"),
        "team admin": acting(world.team_admin),
        "admin of one team, member of another": acting(world.viewer),
        "editor": acting(world.editor),
        "outsider": acting(world.outsider),
        "stranger": acting(world.member),
        "key for projects": acting(world.viewer, project_ids=ids),
        "key for a team": acting(world.team_admin, team_id=world.alpha.pk),
        "key for another team": acting(world.viewer, team_id=world.alpha.pk),
        "administrator's key for projects": Actor(
            user_id=world.editor.pk, email="x", project_ids=ids, reaches_all=True
        ),
    }


def filters(world):
    yield {}
    yield {"team": world.alpha.pk}
    yield {"team": world.beta.pk}
    yield {"project": world.project.pk}
    yield {"user": world.viewer.pk}
    yield {"user": world.outsider.pk}
    yield {"api_key": 7}
    yield {"model": "one"}
    yield {"kind": "chat"}
    yield {"team": world.alpha.pk, "model": "two", "kind": "embedding"}
    yield {"project": world.other_project.pk, "user": world.outsider.pk, "api_key": 8}


@pytest.mark.parametrize("period", ["24h", "7d", "30d", "90d"])
def test_totals_are_those_of_the_ledger_for_everybody_and_every_filter(busy, period):
    for name, actor in actors(busy).items():
        for narrowed in filters(busy):
            found = statistics_of(actor, period, **narrowed)
            raw = sums_of(ledger_of(actor, found))
            assert told(found.totals) == raw, (name, narrowed)


@pytest.mark.parametrize("period", ["24h", "7d", "30d", "90d"])
def test_the_totals_before_are_those_of_as_long_a_time_before(busy, period):
    for name, actor in actors(busy).items():
        found = statistics_of(actor, period)
        before = UsageRecord.objects.visible_to(actor).filter(
            created_at__gte=found.period.previous_starts,
            created_at__lt=found.period.previous_ends,
        )
        assert told(found.previous) == sums_of(before), name


@pytest.mark.parametrize("period", ["24h", "7d", "30d", "90d"])
def test_each_bucket_is_that_of_the_ledger(busy, period):
    found = statistics_of(acting(busy.team_admin), period)
    for moment, totals in found.series:
        rows = UsageRecord.objects.visible_to(acting(busy.team_admin)).filter(
            created_at__gte=moment, created_at__lt=moment + found.period.step
        )
        assert told(totals) == sums_of(rows)


@pytest.mark.parametrize("period", ["24h", "90d"])
@pytest.mark.parametrize("way", ["team", "project", "model", "kind", "user", "api_key"])
def test_groups_are_those_of_the_ledger_for_everybody_and_every_filter(busy, way, period):
    column = {"model": "model_name", "kind": "kind"}.get(way, f"{way}_id")
    for name, actor in actors(busy).items():
        for narrowed in filters(busy):
            found = statistics_of(actor, period, **narrowed)
            raw: Groups = defaultdict(lambda: [0, 0, Decimal(0)])
            for row in ledger_of(actor, found):
                group = raw[getattr(row, column) or 0]
                group[0] += 1
                group[1] += row.prompt_tokens + row.completion_tokens
                group[2] += row.cost
            if way == "api_key":
                raw.pop(0, None)
            shown: Groups = defaultdict(lambda: [0, 0, Decimal(0)])
            for one in every(found, way):
                group = shown[one.name if one.id is None else one.id]
                group[0] += one.requests
                group[1] += one.tokens
                group[2] += one.cost
            assert shown == raw, (name, narrowed)


def test_no_row_of_the_roll_ups_is_counted_that_the_gate_does_not_show(busy):
    for name, actor in actors(busy).items():
        seen = set(UsageRollup.objects.visible_to(actor).values_list("pk", flat=True))
        for narrowed in filters(busy):
            counted = Scope(actor, Filters(**narrowed)).rows("user_id", "project_id")
            assert set(counted.values_list("pk", flat=True)) <= seen, (name, narrowed)


def test_an_id_of_zero_finds_nothing(busy):
    for name in ("team", "project", "user", "api_key"):
        assert statistics_of(acting(busy.platform_admin), **{name: 0}).totals.requests == 0


def test_leaders_of_the_platform_are_read_from_windows(busy):
    found = statistics_of(acting(busy.platform_admin), "90d")
    windowed = every(found, "user")
    grains = UsageRollup.objects.filter(found.covered(by_windows=True), level="user")
    assert set(grains.values_list("grain", flat=True)) == {"window", "hour"}
    found.state.windows_until = None
    assert every(found, "user") == windowed


def test_statistics_ask_few_questions_however_many_rows(
    busy, django_assert_num_queries, django_assert_max_num_queries
):
    for user in (busy.platform_admin, busy.viewer, busy.editor):
        with django_assert_max_num_queries(6):
            found = statistics_of(acting(user))
            charts_of(found)
            assert found.previous is not None
            leaders(found, ways_of(found.scope))
