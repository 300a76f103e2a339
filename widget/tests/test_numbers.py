"""What a widget has done is counted for it alone, by the day, from the roll-ups."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from guards.models import GuardBinding
from inference.models import Conversation
from metering.models import UsageRecord
from metering.rolling_up import roll_up
from metering.spans import period_of
from metering.tests.ledger import write
from restai_site.tests.world import acting
from widget.charts import charts_of
from widget.models import Feedback, Visitor
from widget.numbers import Numbers
from widget.services import create_widget
from widget.tests.conftest import SITE, Page
from widget.tests.test_chat import told

DAY = timedelta(days=1)


@pytest.fixture
def visitor(page):
    page.begin()
    return page


@pytest.fixture
def path(page):
    return f"/projects/{page.widget.project_id}/widgets/{page.widget.pk}/numbers"


def use(widget, *calls):
    """Put calls of the key of `widget` into the ledger: of how long ago, and what else."""
    for age, values in calls:
        write(widget.project, None, age=age, api_key_id=widget.key_id, **values)
    roll_up(timezone.now() + timedelta(minutes=5))


def test_the_numbers_of_a_widget_are_its_own(visitor, world):
    told(visitor)
    GuardBinding.objects.create(
        project=world.project, detector="patterns", configuration={"words": ["nougat"]}, name="No"
    )
    told(visitor, "nougat")
    other, key = create_widget(
        world.project, name="Other", allowed_origins=[SITE], actor=acting(world.editor)
    )
    there = Page(other, key)
    there.begin()
    told(there)
    roll_up(timezone.now() + timedelta(minutes=5))
    found = Numbers(visitor.widget)
    assert (found.visitors, found.totals.new_visitors, found.totals.conversations) == (1, 1, 2)
    assert (found.totals.messages, found.totals.blocked, found.totals.unanswered) == (2, 1, 0)
    used = UsageRecord.objects.filter(api_key_id=visitor.widget.key_id)
    assert found.totals.cost == sum(used.values_list("cost", flat=True)) > 0


def test_what_guards_ask_of_models_is_no_message_but_costs(page):
    use(page.widget, (DAY, {}), (DAY, {"kind": "guard", "cost": Decimal("0.25")}))
    totals = Numbers(page.widget).totals
    assert (totals.messages, totals.cost) == (1, Decimal("0.75"))


def test_each_day_has_its_own_and_together_they_are_the_totals(page):
    calls = [(DAY, {}), (DAY, {"outcome": "timeout"}), (3 * DAY, {"outcome": "blocked"})]
    use(page.widget, *calls, (40 * DAY, {}))
    for age in (DAY, 3 * DAY, 3 * DAY, 40 * DAY):
        at = timezone.now() - age
        one = Visitor.objects.create(widget=page.widget, seen_at=at)
        Visitor.objects.filter(pk=one.pk).update(created_at=at)
        talk = Conversation.objects.create(project=page.widget.project, visitor_id=one.pk)
        Conversation.objects.filter(pk=talk.pk).update(created_at=at)
    found = Numbers(page.widget)
    assert len(found.series) == 30
    days = {
        (found.period.now.date() - at.date()).days: (
            *(one.new_visitors, one.conversations, one.messages),
            *(one.blocked, one.unanswered, one.cost),
        )
        for at, one in found.series
        if one.messages or one.new_visitors
    }
    assert days == {1: (1, 1, 2, 0, 1, Decimal(1)), 3: (2, 2, 1, 1, 0, Decimal("0.5"))}
    totals = found.totals
    assert (found.visitors, totals.new_visitors, totals.conversations) == (3, 3, 3)
    assert (totals.messages, totals.blocked, totals.unanswered) == (3, 1, 1)
    assert Numbers(page.widget, period_of("90d")).totals.messages == 4
    assert len(Numbers(page.widget, period_of("24h")).series) == 24


def test_charts_say_what_became_of_each_message(page):
    use(page.widget, (DAY, {}), (DAY, {"outcome": "failed"}), (DAY, {"outcome": "blocked"}))
    charts = {chart.id: chart for chart in charts_of(Numbers(page.widget))}
    drawn = {one.label: sum(one.values) for one in charts["chart-messages"].series}
    assert drawn == {"Answered": 1, "Not answered": 1, "Blocked by a guard": 1}
    assert sum(charts["chart-cost"].series[0].values) == 1.5


def test_opinions_are_counted_within_the_period(visitor):
    _, _, (_, done) = told(visitor)
    visitor.ask("feedback", {"message_id": done["message_id"], "is_helpful": False})
    assert Numbers(visitor.widget).judged == {"helpful": 0, "unhelpful": 1}
    Feedback.objects.update(created_at=timezone.now() - 31 * DAY)
    assert Numbers(visitor.widget).judged == {"helpful": 0, "unhelpful": 0}


def test_a_widget_without_a_key_has_no_messages_of_others(page):
    use(page.widget, (DAY, {}))
    page.widget.key = None
    assert Numbers(page.widget).totals.messages == 0


def test_numbers_take_as_many_queries_for_any_use(page, django_assert_num_queries):
    def ask():
        found = Numbers(page.widget)
        return found.visitors, found.judged, found.totals, found.series

    use(page.widget, (DAY, {}))
    with django_assert_num_queries(6):
        ask()
    use(page.widget, *[(age * DAY, {"latency_ms": age}) for age in range(1, 25)])
    with django_assert_num_queries(6):
        ask()


def test_the_page_shows_them_by_the_day_and_the_hour(page, path, world, as_user):
    browser = as_user(world.editor)
    assert "Nobody has come in this period" in browser.get(path).content.decode()
    use(page.widget, (timedelta(), {}))
    for period in ("", "?period=24h", "?period=90d", "?period=nonsense"):
        text = browser.get(path + period).content.decode()
        assert text.count("data-chart=") == 3, period
    assert "numbers" in browser.get(path.removesuffix("/numbers")).content.decode()


def test_the_api_tells_them(page, path, world, as_user):
    use(page.widget, (DAY, {}))
    browser = as_user(world.editor)
    found = browser.get(f"/api{path}?period=7d").json()
    assert (found["period"]["key"], found["period"]["bucket"]) == ("7d", "day")
    assert (found["totals"]["messages"], found["totals"]["cost"]) == (1, "0.500000000000")
    assert [one["messages"] for one in found["series"]] == [0, 0, 0, 0, 0, 1, 0]
    assert found["as_of"] is not None
    refused = browser.get(f"/api{path}?period=nonsense")
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["period"])
