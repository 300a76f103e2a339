"""The limits of a widget over several web processes: of parallel messages exactly so many pass."""

from collections import Counter
from functools import partial

import httpx
import pytest

from metering.models import UsageRecord
from restai_site.tests.parallel import together
from restai_site.tests.server import Server
from restai_site.tests.world import SYSTEM, acting, make_world
from widget import limits
from widget.models import Visitor
from widget.services import create_widget, update_widget
from widget.tests.conftest import SITE

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKERS, PARALLEL, LIMIT = 4, 24, 5
WIDE = {"messages_per_day": 10_000, "visitor_per_minute": 500, "address_per_minute": 500}


@pytest.fixture(scope="module")
def four_workers(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), Server(workers=WORKERS) as running:
        yield running


@pytest.fixture
def page(transactional_db, provider, four_workers):
    """A widget whose limits do not matter, and what its script sends with every request."""
    world = make_world(provider.url)
    widget, key = create_widget(
        world.project, name="Help", allowed_origins=[SITE], actor=acting(world.editor)
    )
    update_widget(widget, WIDE, actor=SYSTEM)
    head = {"Authorization": f"Bearer {key}", "Origin": SITE}
    return widget, f"{four_workers.url}/widget/{widget.public_id}", head


def at_once(count, send) -> Counter:
    """Return the statuses and codes of `count` requests of the same moment."""

    def told(answer):
        return answer.status_code, answer.json().get("code") if answer.is_error else None

    return Counter(map(told, together([partial(send, number) for number in range(count)])))


@pytest.mark.parametrize(
    ("limit", "code", "visitors"),
    [
        ("messages_per_day", "widget_day", PARALLEL // 2),
        ("address_per_minute", "rate_limited", PARALLEL // 2),
        ("visitor_per_minute", "rate_limited", 1),
    ],
)
def test_of_parallel_messages_over_four_processes_exactly_the_limit_is_answered(
    page, limit, code, visitors
):
    widget, address, head = page
    tokens = [
        httpx.post(f"{address}/session", json={}, headers=head, timeout=60).json()["token"]
        for _ in range(visitors)
    ]
    update_widget(widget, {limit: LIMIT}, actor=SYSTEM)

    def send(number):
        mine = {**head, "X-Widget-Session": tokens[number % visitors]}
        body = {"message": "Hello"}
        return httpx.post(f"{address}/chat", json=body, headers=mine, timeout=120)

    assert at_once(PARALLEL, send) == {(200, None): LIMIT, (429, code): PARALLEL - LIMIT}
    assert UsageRecord.objects.filter(outcome="completed").count() == LIMIT


def test_of_parallel_visitors_over_four_processes_exactly_the_limit_is_let_in(page):
    _, address, head = page
    wanted = limits.SESSIONS_PER_ADDRESS + 10

    def send(_):
        return httpx.post(f"{address}/session", json={}, headers=head, timeout=120)

    answers = at_once(wanted, send)
    assert answers == {(200, None): limits.SESSIONS_PER_ADDRESS, (429, "rate_limited"): 10}
    assert Visitor.objects.count() == limits.SESSIONS_PER_ADDRESS
