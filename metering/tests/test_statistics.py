"""Use over time: the figures on the dashboard are those of the ledger."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from metering.models import UsageRecord
from metering.statistics import Statistics, period_of


@pytest.fixture
def book(world):
    """Return a function that writes a record of some age."""

    def write(age=timedelta(0), **values):
        row = UsageRecord.objects.create(
            **{
                "project": world.project,
                "team": world.alpha,
                "user": world.viewer,
                "model_name": "alpha-llm",
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "tokens_source": "provider",
                "cost": Decimal("0.5"),
                "latency_ms": 100,
                "outcome": "completed",
                **values,
            }
        )
        UsageRecord.objects.filter(pk=row.pk).update(created_at=timezone.now() - age)

    return write


@pytest.mark.parametrize(("key", "count"), [("24h", 24), ("7d", 7), ("30d", 30), ("90d", 90)])
def test_a_period_has_its_buckets_and_ends_now(key, count):
    period = period_of(key)
    now = timezone.now()
    assert len(period.buckets) == count
    assert period.buckets[-1] <= now < period.buckets[-1] + period.step


def test_an_unknown_period_is_the_usual_one():
    assert period_of("zzz").key == "30d"


def test_sums_are_those_of_the_period(book):
    book()
    book(timedelta(days=2), outcome="provider_error", latency_ms=300)
    book(timedelta(days=40))
    week = Statistics(UsageRecord.objects.all(), period_of("7d"))
    assert (week.totals.requests, week.totals.failures, week.totals.tokens) == (2, 1, 30)
    assert week.totals.cost == Decimal(1)
    assert week.totals.latency_p50 == 200
    assert Statistics(UsageRecord.objects.all(), period_of("90d")).totals.requests == 3


def test_charts_and_their_tables_say_the_same(book):
    book()
    book(timedelta(days=3), outcome="timeout")
    week = Statistics(UsageRecord.objects.all(), period_of("7d"))
    requests, tokens, cost, latency = week.charts
    assert requests.data["series"][0]["values"] == [0, 0, 0, 0, 0, 0, 1]
    assert requests.data["series"][1]["values"] == [0, 0, 0, 1, 0, 0, 0]
    assert requests.rows[0]["values"] == ["1", "0"]
    assert tokens.data["series"][0]["values"][-1] == 10
    assert cost.data["series"][0]["values"][-1] == 0.5
    assert latency.data["series"][0]["values"][:3] == [None, None, None]


def test_leaders_are_ordered_by_cost(book, world):
    book(cost=Decimal(1))
    book(project=world.shared_project, cost=Decimal(3))
    found = Statistics(UsageRecord.objects.all(), period_of("7d")).leaders("project_id")
    assert [row["project_id"] for row in found] == [world.shared_project.pk, world.project.pk]
