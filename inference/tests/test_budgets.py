"""Budgets on the way to a model: refused before the provider is called, settled however it ends."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import httpx
import pytest
from django.utils import timezone

from catalog.models import EmbeddingModel
from inference.models import Conversation, Message
from inference.tests.test_streaming_server import eventually, send
from metering.models import BudgetPeriod, Reservation, UsageRecord
from metering.sections import BudgetsSection
from metering.settling import expire
from metering.tests.calls import assert_sums_hold, budget
from restai_site.lib.configuration import overridden
from restai_site.tests.clients import post_for_stream
from restai_site.tests.server import Server
from restai_site.tests.world import make_key, make_world

URL = "/v1/chat/completions"
HELLO = {"model": "alpha-llm", "messages": [{"role": "user", "content": "Hello"}]}


def chat_url(project):
    return f"/api/projects/{project.pk}/chat"


def behave(world, name):
    world.llm.litellm_model = name
    world.llm.save()


def assert_nothing_is_held():
    assert not Reservation.objects.filter(state="held").exists()
    assert not BudgetPeriod.objects.exclude(reserved=0).exists()
    assert_sums_hold()


@pytest.fixture
def spent_out(world):
    """A team that may spend nothing more."""
    budget(0, team=world.alpha)


def test_openais_api_refuses_with_402_and_says_when_it_begins_anew(
    world, api_as, provider, spent_out
):
    answer = api_as(world.member).post(URL, HELLO)
    assert answer.status_code == 402
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "budget_exceeded")
    assert "begins anew on 1 " in error["message"]
    assert error["resets_at"].endswith("-01T00:00:00+00:00")
    assert provider.requests == []
    assert not UsageRecord.objects.exists()


def test_a_stream_is_refused_with_a_status_of_its_own(world, provider, spent_out):
    body = HELLO | {"stream": True}
    answer, sent = post_for_stream(URL, body, key=make_key(world.member)[1])
    assert answer.status_code == 402
    assert json.loads(sent)["error"]["code"] == "budget_exceeded"
    assert provider.requests == []


@pytest.mark.parametrize("stream", [False, True])
def test_the_chat_refuses_with_problem_details_and_keeps_nothing(
    world, api_as, provider, spent_out, stream
):
    body = {"message": "Hello", "stream": stream}
    answer = api_as(world.viewer).post(chat_url(world.project), body)
    assert answer.status_code == 402
    assert answer.json()["code"] == "budget_exceeded"
    assert answer.json()["resets_at"]
    assert provider.requests == []
    assert not Message.objects.exists()
    assert not Conversation.objects.exists()


def test_embeddings_are_refused_and_counted(world, api_as, provider):
    EmbeddingModel.objects.update(input_price_per_million=Decimal(10**6))
    body = {"model": "alpha-embedding", "input": ["one two three"]}
    budget(3, user=world.member)
    assert api_as(world.member).post("/v1/embeddings", body).status_code == 200
    row = UsageRecord.objects.get()
    assert BudgetPeriod.objects.get().spent == row.cost > 0
    BudgetPeriod.objects.update(spent=3)
    assert api_as(world.member).post("/v1/embeddings", body).status_code == 402
    assert len(provider.requests) == 1


def test_the_answer_is_limited_to_what_the_budget_pays(world, api_as, provider):
    # Two dollars for a million tokens of an answer.
    budget(Decimal(220).scaleb(-6), team=world.alpha)
    assert api_as(world.member).post(URL, HELLO | {"max_tokens": 5000}).status_code == 200
    sent = provider.requests[-1].body["max_tokens"]
    assert 64 <= sent <= 110
    assert BudgetPeriod.objects.get().spent == UsageRecord.objects.get().cost
    assert_nothing_is_held()


def test_without_a_limit_of_its_own_an_answer_has_the_settings(world, api_as, provider):
    budget(1000, team=world.alpha)
    with overridden(BudgetsSection, answer_tokens=777):
        api_as(world.member).post(URL, HELLO)
    assert provider.requests[-1].body["max_tokens"] == 777


def test_without_a_budget_no_answer_is_limited(world, api_as, provider):
    budget(1000, team=world.beta)
    api_as(world.member).post(URL, HELLO)
    assert "max_tokens" not in provider.requests[-1].body
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("behaviour", ["error-500", "hang-up", "garbage", "no-usage"])
def test_a_provider_that_fails_is_settled(world, api_as, behaviour):
    budget(1000, team=world.alpha)
    behave(world, behaviour)
    api_as(world.member).post(URL, HELLO)
    row = UsageRecord.objects.get()
    assert BudgetPeriod.objects.get().spent == row.cost > 0
    assert_nothing_is_held()


@pytest.mark.parametrize("behaviour", ["cut-mid-stream", "error-mid-stream", "no-usage"])
def test_a_stream_that_breaks_is_settled_with_what_came(world, behaviour):
    budget(1000, team=world.alpha)
    behave(world, behaviour)
    post_for_stream(URL, HELLO | {"stream": True}, key=make_key(world.member)[1])
    row = UsageRecord.objects.get()
    assert row.completion_tokens > 0
    assert BudgetPeriod.objects.get().spent == row.cost
    assert_nothing_is_held()


def test_a_call_counts_to_its_team_project_user_and_key(world, api):
    key, plaintext = make_key(world.viewer)
    owners = [
        {"team": world.alpha},
        {"project": world.project},
        {"user": world.viewer},
        {"api_key": key},
    ]
    for owner in owners:
        budget(1000, **owner)
        budget(10**6, unit="tokens", period="day", **owner)
    body = HELLO | {"model": f"project/{world.project.pk}"}
    assert api.with_key(plaintext).post(URL, body).status_code == 200
    row = UsageRecord.objects.get()
    money = BudgetPeriod.objects.filter(budget__unit="money")
    tokens = BudgetPeriod.objects.filter(budget__unit="tokens")
    assert [one.spent for one in money] == [row.cost] * 4
    assert [one.spent for one in tokens] == [row.prompt_tokens + row.completion_tokens] * 4
    assert_nothing_is_held()


def test_a_budget_costs_three_queries_more(world, api_as, django_assert_num_queries):
    """Which apply, whether their period has begun, its lock, what is held; and a transaction."""
    budget(1000, team=world.alpha)
    program = api_as(world.member)
    program.post(URL, HELLO)
    with django_assert_num_queries(3 + 4 + 2):
        program.post(URL, HELLO)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestOnARealServer:
    """With processes, sockets and people who leave."""

    @pytest.fixture
    def world(self, transactional_db, provider):
        provider.requests.clear()
        return make_world(provider.url)

    @pytest.mark.parametrize("stream", [False, True])
    def test_of_fifty_calls_at_once_with_a_budget_for_one_one_reaches_the_provider(
        self, world, server, provider, stream
    ):
        behave(world, "slow-20")
        budget(Decimal(600).scaleb(-6), team=world.alpha)
        key = make_key(world.member)[1]
        body = HELLO | {"max_tokens": 250, "stream": stream}

        def call(_):
            headers = {"Authorization": f"Bearer {key}"}
            return httpx.post(server.url + URL, json=body, headers=headers, timeout=60).status_code

        with ThreadPoolExecutor(50) as threads:
            statuses = list(threads.map(call, range(50)))
        assert statuses.count(200) == len(provider.requests) == UsageRecord.objects.count()
        assert set(statuses) == {200, 402}
        period = BudgetPeriod.objects.get()
        assert period.spent <= period.budget.amount
        assert_nothing_is_held()

    def test_whoever_hangs_up_is_charged_for_what_came(self, world, server, provider):
        behave(world, "slow-100")
        budget(1000, team=world.alpha)
        key = make_key(world.member)[1]
        connection = send(server, URL, key, HELLO | {"stream": True})
        received = b""
        while received.count(b"data: ") < 4:
            received += connection.recv(65536)
        connection.close()
        row = eventually(UsageRecord.objects.first)
        assert row.outcome == "cancelled"
        assert BudgetPeriod.objects.get().spent == row.cost > 0
        assert_nothing_is_held()

    def test_a_worker_that_is_killed_in_mid_answer_is_charged_when_the_lease_is_over(
        self, world, provider
    ):
        behave(world, "slow-200")
        budget(1000, team=world.alpha)
        key = make_key(world.member)[1]
        server = Server().__enter__()
        connection = send(server, URL, key, HELLO | {"stream": True, "max_tokens": 100})
        received = b""
        while b"data: " not in received:
            received += connection.recv(65536)
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        connection.close()
        assert expire() == 0
        held = BudgetPeriod.objects.get().reserved
        assert held > 0
        Reservation.objects.update(lease_until=timezone.now())
        assert expire() == 1
        assert UsageRecord.objects.get().outcome == "lost"
        assert BudgetPeriod.objects.get().spent == held
        assert_nothing_is_held()
