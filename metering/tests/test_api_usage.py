"""/api/usage: the ledger, and its sums for each day."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from metering.models import UsageRecord


def record(world, user, *, days_ago=0, team="alpha", project="project", **values):
    given = {
        "project": getattr(world, project),
        "team": getattr(world, team),
        "user": user,
        "model_name": "m",
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "cost": Decimal("0.000012345678"),
        "latency_ms": 100,
        "outcome": "completed",
        "tokens_source": "provider",
    }
    row = UsageRecord.objects.create(**(given | values))
    UsageRecord.objects.filter(pk=row.pk).update(
        created_at=timezone.now() - timedelta(days=days_ago)
    )
    return row


@pytest.fixture
def ledger(world):
    return [
        record(world, world.viewer),
        record(world, world.editor, days_ago=1, outcome="provider_error"),
        record(world, world.outsider, team="beta", project="other_project"),
    ]


def seen(browser, query=""):
    return {row["id"] for row in browser.get(f"/api/usage{query}").json()["results"]}


def test_people_see_their_own_use_and_admins_their_teams(world, as_user, ledger):
    mine, colleague, foreign = (row.pk for row in ledger)
    assert seen(as_user(world.viewer)) == {mine}
    assert seen(as_user(world.member)) == set()
    assert seen(as_user(world.team_admin)) == {mine, colleague}
    assert seen(as_user(world.outsider_admin)) == {foreign}
    assert seen(as_user(world.platform_admin)) == {mine, colleague, foreign}


def test_filters_narrow_and_never_widen(world, as_user, ledger):
    browser = as_user(world.team_admin)
    mine, colleague, _ = (row.pk for row in ledger)
    assert seen(browser, "?outcome=provider_error") == {colleague}
    assert seen(browser, f"?user={world.viewer.pk}") == {mine}
    assert seen(browser, f"?team={world.beta.pk}") == set()
    assert seen(browser, f"?project={world.other_project.pk}") == set()
    assert seen(browser, f"?project={2**70}") == set()
    yesterday = (timezone.now() - timedelta(hours=12)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert seen(browser, f"?since={yesterday}") == {mine}
    assert seen(browser, f"?until={yesterday}") == {colleague}


@pytest.mark.parametrize(
    "query",
    [
        "cursor=garbage",
        "cursor=cD1hYmM%3D",  # p=abc
        "cursor=cD05OTk5OTk5OTk5OTk5OTk5OTk5OTk%3D",  # p=99999999999999999999999
        "cursor=cD0lMDA%3D",  # p=%00
        "cursor=bz0tMQ%3D%3D",  # o=-1
        "cursor=%ff%fe",
        "page_size=0",
        "page_size=-1",
        "page_size=201",
        "page_size=abc",
        "page_size=1e3",
        "page_size=" + "9" * 5000,
        "project=x",
        "project=1.5",
        "outcome=unknown",
        "since=yesterday",
        "model=%00",
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(world, as_user, ledger, query):
    answer = as_user(world.viewer).get(f"/api/usage?{query}")
    assert answer.status_code in {400, 404}
    assert answer["Content-Type"] == "application/problem+json"


def test_the_summary_adds_up_each_day(world, as_user, ledger):
    days = as_user(world.team_admin).get("/api/usage/summary").json()
    assert [day["requests"] for day in days] == [1, 1]
    assert [day["failures"] for day in days] == [0, 1]
    assert days[0]["prompt_tokens"] == 10
    assert days[0]["cost"] == "0.000012345678"
    assert days[0]["average_latency_ms"] == 100
    assert as_user(world.member).get("/api/usage/summary").json() == []


def test_the_summary_takes_the_filters_of_the_list(world, as_user, ledger):
    browser = as_user(world.platform_admin)
    days = browser.get(f"/api/usage/summary?team={world.beta.pk}").json()
    assert [day["requests"] for day in days] == [1]
    assert browser.get("/api/usage/summary?team=x").status_code == 400


def test_the_summary_goes_back_thirty_days_or_as_far_as_asked(world, as_user):
    record(world, world.viewer, days_ago=60)
    browser = as_user(world.viewer)
    assert browser.get("/api/usage/summary").json() == []
    assert len(browser.get("/api/usage/summary?since=2020-01-01T00:00:00Z").json()) == 1


def test_the_ledger_is_read_only(world, as_user, ledger):
    browser = as_user(world.platform_admin)
    path = f"/api/usage/{ledger[0].pk}"
    for method in ("post", "put", "patch", "delete"):
        assert getattr(browser, method)(path, {"cost": 0}, "application/json").status_code == 405
