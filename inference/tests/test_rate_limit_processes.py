"""Rate limits over several processes, by real HTTP: exact, and nobody's memory decides."""

import os
import signal
from collections import Counter
from functools import partial

import psutil
import pytest

from inference.tests.sockets import ask, at_once, workers_of
from metering.rates.services import set_project_rate
from restai_site.tests import waiting
from restai_site.tests.black_holes import BlackHole
from restai_site.tests.server import Server
from restai_site.tests.world import SYSTEM, make_key, make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKERS, PARALLEL, LIMIT = 4, 40, 5
eventually = partial(waiting.eventually, seconds=60)


@pytest.fixture(scope="module")
def four_workers(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), Server(workers=WORKERS) as running:
        eventually(lambda: len(workers_of(running)) == WORKERS)
        yield running


@pytest.fixture
def world(transactional_db, provider):
    provider.requests.clear()
    return make_world(provider.url)


@pytest.fixture
def narrow(world):
    return set_project_rate(world.project, requests_per_minute=LIMIT, actor=SYSTEM)


def hello(project, **more):
    messages = [{"role": "user", "content": "Hello"}]
    return {"model": f"project/{project.pk}", "messages": messages, **more}


def test_of_forty_parallel_calls_over_four_workers_exactly_five_pass(
    four_workers, world, narrow, provider
):
    people = (world.viewer, world.editor, world.team_admin)
    keys = [make_key(person)[1] for person in people]
    streams = [{}, {"stream": True}]
    calls = [(keys[n % 3], hello(narrow, **streams[n % 2])) for n in range(PARALLEL)]
    answers = at_once(four_workers, calls)
    assert Counter(status for status, _, _ in answers) == {200: LIMIT, 429: PARALLEL - LIMIT}
    passed = [headers["RateLimit-Remaining"] for status, headers, _ in answers if status == 200]
    assert sorted(passed) == ["0", "1", "2", "3", "4"]
    refused = [headers for status, headers, _ in answers if status == 429]
    assert {headers["RateLimit-Remaining"] for headers in refused} == {"0"}
    assert all(headers["Retry-After"] == headers["RateLimit-Reset"] for headers in refused)
    assert len(provider.requests) == LIMIT


def test_the_chat_shares_the_count(four_workers, world, narrow):
    key = make_key(world.viewer)[1]
    chat = f"/api/projects/{narrow.pk}/chat"
    calls = [(key, hello(narrow)), (key, {"message": "Hello"}, chat)] * 10
    answers = at_once(four_workers, calls)
    assert Counter(status for status, _, _ in answers) == {200: LIMIT, 429: 20 - LIMIT}


def test_a_full_project_does_not_slow_another(four_workers, world, narrow):
    key = make_key(world.viewer)[1]
    calls = [(key, hello(narrow))] * 20 + [(key, hello(world.shared_project))] * 20
    answers = at_once(four_workers, calls)
    assert [status for status, _, _ in answers[20:]] == [200] * 20
    assert Counter(status for status, _, _ in answers[:20]) == {200: LIMIT, 429: 20 - LIMIT}


def test_a_worker_that_is_killed_and_started_anew_changes_nothing(four_workers, world, narrow):
    key = make_key(world.viewer)[1]
    statuses = [ask(four_workers, key, hello(narrow))[0] for _ in range(LIMIT + 1)]
    assert statuses == [200] * LIMIT + [429]
    before = workers_of(four_workers)
    assert len(before) == WORKERS
    for worker in before:
        os.kill(worker.pid, signal.SIGKILL)
    psutil.wait_procs(before, timeout=10)

    # None of those that counted is left: whoever answers now knows of it by Redis alone.
    def answered():
        try:
            return ask(four_workers, key, hello(narrow))[0]
        except OSError:
            return 0

    assert eventually(answered) == 429


def test_a_redis_that_never_answers_closes_limited_projects_alone(world, narrow):
    key = make_key(world.viewer)[1]
    with BlackHole() as hole, Server(workers=1, REDIS_URL=hole.redis_url) as server:
        calls = [(key, hello(narrow)), (key, hello(world.shared_project))] * 20
        answers = at_once(server, calls)
        assert Counter(status for status, _, _ in answers[::2]) == {503: 20}
        assert Counter(status for status, _, _ in answers[1::2]) == {200: 20}
        assert all(int(headers["Retry-After"]) >= 1 for _, headers, _ in answers[::2])
        # No more than the four database threads can ask at once before the failures are counted,
        # and a last one each of them may have begun: the others were not let to Redis at all.
        assert hole.connections <= 8
        assert b"Redis" in answers[0][2]
