"""Guards on real servers of several processes: clients that leave, processes that die, crowds."""

import json
import os
import signal
from functools import partial

import psutil
import pytest
from django.core.cache import cache
from django.db import connection

from guards.models import GuardEvent
from inference.models import Conversation, Message
from inference.tests.guarding import FORBIDDEN, bind_detector, bind_guard, judge_llm, make_guard
from inference.tests.sockets import ask, at_once, send, workers_of
from metering.models import UsageRecord
from restai_site.tests import waiting
from restai_site.tests.server import Server, free_port
from restai_site.tests.tables import keys_holding, tables_holding
from restai_site.tests.world import make_key, make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKERS, CROWD = 4, 30
# Longer than any of these tests waits: whoever is held for it is still held.
SLOW_JUDGE = "judge-60000"
QUESTION = "Where does the heron nest"
ANSWER = "The heron nests among the alders by the old mill. " * 8
eventually = partial(waiting.eventually, seconds=30)


@pytest.fixture(scope="module")
def four_workers(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), Server(workers=WORKERS) as running:
        eventually(lambda: len(workers_of(running)) == WORKERS)
        yield running


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    cache.clear()
    return make_world(provider.url)


@pytest.fixture
def key(world):
    return make_key(world.viewer)[1]


def behave(world, name):
    world.llm.litellm_model = name
    world.llm.save()


def judged_by(world, behaviour, **values):
    guard = make_guard(world, llm=judge_llm(world, behaviour))
    return bind_guard(world.project, guard, timeout_ms=60_000, **values)


def chat(world):
    return f"/api/projects/{world.project.pk}/chat"


def completion(world, text, **more):
    messages = [{"role": "user", "content": text}]
    return {"model": f"project/{world.project.pk}", "messages": messages, **more}


def asked(provider, model):
    """Return the requests that `model` of the provider has had."""
    return [request for request in provider.requests if request.model == model]


def is_nowhere(text):
    return tables_holding(text) == [] and keys_holding(text) == []


class TestClientsThatLeave:
    @pytest.mark.parametrize("stream", [False, True])
    def test_while_the_question_is_judged_leave_nothing_of_it(
        self, four_workers, world, key, provider, stream
    ):
        judged_by(world, SLOW_JUDGE, stage="input")
        body = {"message": QUESTION, "stream": stream}
        connection_ = send(four_workers, chat(world), key, body)
        [judging] = eventually(lambda: asked(provider, SLOW_JUDGE))
        connection_.close()
        assert eventually(lambda: judging.hung_up)
        rows = eventually(lambda: list(UsageRecord.objects.order_by("kind")) if _count(2) else None)
        assert [(row.kind, row.outcome) for row in rows] == [
            ("chat", "cancelled"), ("guard", "cancelled"),
        ]  # fmt: skip
        assert asked(provider, "mock") == []
        assert eventually(lambda: not Message.objects.filter(status="held").exists())
        assert Message.objects.get(role="user").status == "failed"
        assert is_nowhere(QUESTION)

    def test_while_the_answer_is_judged_keep_nothing_of_it(
        self, four_workers, world, key, provider
    ):
        judged_by(world, SLOW_JUDGE, stage="output")
        behave(world, "told-0")
        body = {"message": f"SAY {ANSWER}", "stream": True}
        connection_ = send(four_workers, chat(world), key, body)
        eventually(lambda: asked(provider, SLOW_JUDGE))
        connection_.settimeout(0.5)
        received = _all_of(connection_)
        connection_.close()
        kept = eventually(Message.objects.filter(role="assistant").first)
        assert (kept.status, kept.content) == ("cancelled", "")
        assert b"event: start" in received
        assert b"event: token" not in received
        # What the provider has said is counted, though nobody has seen it.
        assert eventually(UsageRecord.objects.filter(kind="chat").first).completion_tokens > 0

    def test_while_a_guard_judges_beside_the_model_end_both_calls(
        self, four_workers, world, key, provider
    ):
        judged_by(world, SLOW_JUDGE, stage="input", is_speculative=True)
        behave(world, "slow-100")
        body = {"message": QUESTION, "stream": True}
        connection_ = send(four_workers, chat(world), key, body)
        eventually(lambda: asked(provider, SLOW_JUDGE) and asked(provider, "slow-100"))
        connection_.close()
        assert eventually(lambda: all(request.hung_up for request in provider.requests))
        assert eventually(lambda: _count(2))
        assert is_nowhere(QUESTION)
        assert Message.objects.filter(role="assistant", content="").count() == 1

    def test_of_the_api_leave_no_text_either(self, four_workers, world, key, provider):
        judged_by(world, SLOW_JUDGE, stage="both")
        body = completion(world, QUESTION, stream=True)
        connection_ = send(four_workers, "/v1/chat/completions", key, body)
        eventually(lambda: asked(provider, SLOW_JUDGE))
        connection_.close()
        assert eventually(lambda: _count(2))
        assert is_nowhere(QUESTION)


class TestProcessesThatDie:
    @pytest.mark.parametrize("is_speculative", [False, True])
    def test_while_a_question_is_held_leave_a_place_without_text(
        self, four_workers, world, key, provider, is_speculative
    ):
        binding = judged_by(world, SLOW_JUDGE, stage="input", is_speculative=is_speculative)
        connection_ = send(four_workers, chat(world), key, {"message": QUESTION, "stream": True})
        eventually(lambda: asked(provider, SLOW_JUDGE))
        _kill(four_workers)
        connection_.close()
        [held] = Message.objects.all()
        assert (held.status, held.content) == ("held", "")
        assert is_nowhere(QUESTION)
        # The conversation goes on, and the lost question is not told to the model.
        binding.delete()
        again = {"message": "Hello", "conversation_id": str(held.conversation_id)}
        told = eventually(lambda: _answered(four_workers, key, again, chat(world)))
        assert told["outcome"] == "completed"
        sent = asked(provider, "mock")[-1].body["messages"]
        assert [message["content"] for message in sent[1:]] == ["Hello"]

    def test_while_an_answer_is_held_leave_nothing_of_it(self, four_workers, world, key, provider):
        judged_by(world, SLOW_JUDGE, stage="output")
        behave(world, "told-0")
        body = {"message": f"SAY {ANSWER}", "stream": True}
        connection_ = send(four_workers, chat(world), key, body)
        eventually(lambda: asked(provider, SLOW_JUDGE))
        _kill(four_workers)
        connection_.close()
        assert not Message.objects.filter(role="assistant").exists()
        assert Conversation.objects.count() == 1


class TestCrowds:
    def test_of_parallel_streams_none_shows_a_letter_of_what_is_forbidden(
        self, four_workers, world, key
    ):
        bind_detector(world.project, stage="output")
        behave(world, "told-3")
        texts = [
            f"SAY {ANSWER}{FORBIDDEN if number % 2 else 'bread'} {ANSWER}"
            for number in range(CROWD)
        ]
        calls = [
            (key, {"message": text, "stream": True}, chat(world))
            if number % 4 < 2
            else (key, completion(world, text, stream=True))
            for number, text in enumerate(texts)
        ]
        answers = at_once(four_workers, calls)
        assert {status for status, _, _ in answers} == {200}
        shown = [_shown(sent) for _, _, sent in answers]
        assert not any("marzi" in text for text in shown)
        assert [text.count("bread") for text in shown] == [1, 0] * (CROWD // 2)
        found = GuardEvent.objects.filter(outcome="blocked", category__isnull=False)
        assert found.count() == CROWD // 2
        assert GuardEvent.objects.filter(outcome="passed").count() == CROWD // 2
        answered = Message.objects.filter(role="assistant")
        assert answered.count() == sum(len(call) == 3 for call in calls)
        assert not answered.filter(content__contains=FORBIDDEN[:5]).exists()

    def test_verdicts_of_one_process_are_remembered_by_the_others(
        self, four_workers, world, key, provider
    ):
        judged_by(world, "judge-0", stage="input")
        for _ in range(12):
            assert ask(four_workers, key, completion(world, QUESTION))[0] == 200
        assert len(asked(provider, "judge-0")) == 1
        assert GuardEvent.objects.filter(is_cached=True).count() == 11


class TestEnginesThatAreAway:
    def test_without_redis_guards_judge_as_ever(self, world, key, provider):
        judged_by(world, "judge-0", stage="input")
        away = f"redis://127.0.0.1:{free_port()}/0"
        with Server(REDIS_URL=away) as server:
            for _ in range(2):
                assert ask(server, key, completion(world, QUESTION))[0] == 200
                status, _, sent = ask(server, key, completion(world, f"Some {FORBIDDEN}"))
                assert (status, json.loads(sent)["error"]["code"]) == (400, "content_filter")
        assert len(asked(provider, "judge-0")) == 4
        assert len(asked(provider, "mock")) == 2

    def test_a_database_that_drops_its_connections_lets_nothing_pass(
        self, four_workers, world, key, provider
    ):
        bind_detector(world.project, stage="output")
        behave(world, "told-3")
        judged_by(world, "judge-1500", stage="input")
        text = f"SAY {ANSWER}{FORBIDDEN}"
        connection_ = send(four_workers, chat(world), key, {"message": text, "stream": True})
        eventually(lambda: asked(provider, "judge-1500"))
        _drop_connections()
        received = _all_of(connection_)
        connection_.close()
        assert FORBIDDEN.encode() not in received
        assert eventually(UsageRecord.objects.filter(kind="chat").first)
        assert UsageRecord.objects.filter(kind="guard").count() == 1


def _count(rows):
    return UsageRecord.objects.count() == rows


def _kill(server):
    """Kill every process that answers, and wait until others do."""
    before = workers_of(server)
    for worker in before:
        os.kill(worker.pid, signal.SIGKILL)
    psutil.wait_procs(before, timeout=10)
    eventually(lambda: len(workers_of(server)) == WORKERS)


def _answered(server, key, body, path):
    try:
        status, _, sent = ask(server, key, body, path)
    except OSError:
        return None
    return json.loads(sent) if status == 200 else None


def _drop_connections():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _all_of(connection_):
    """Return all that comes until the other side ends, or falls silent for its timeout."""
    received = b""
    try:
        while data := connection_.recv(65536):
            received += data
            if received.endswith(b"0\r\n\r\n"):
                break
    except TimeoutError:
        return received
    return received


def _shown(sent):
    """Return the text of a stream of either API."""
    lines = [line[6:] for line in sent.decode().splitlines() if line.startswith("data: {")]
    return "".join(_text(json.loads(line)) for line in lines)


def _text(event):
    if "choices" in event:
        return "".join(choice["delta"].get("content") or "" for choice in event["choices"])
    return event.get("text", "")
