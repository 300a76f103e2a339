"""Runs of the test bench in processes that are killed, and in two at once."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from django.conf import settings

from benchmarks.mock_provider import MockProvider
from guards.measures import Matrix
from guards.models import GuardResult, GuardRun
from inference.bench import runner
from inference.bench.figures import matrix_of_run
from inference.tests.bench import judge_run, make_set
from inference.tests.guarding import FORBIDDEN
from metering.models import UsageRecord
from restai_site.tests.background import waiting
from restai_site.tests.loopback import loopback_port
from restai_site.tests.server import ROOT, database_url
from restai_site.tests.world import make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKER = """
import sys, django
django.setup()
from inference.bench.runner import go_on
go_on(int(sys.argv[1]))
"""
TEXTS = 60
PATIENCE_SECONDS = 60
CASES = [
    (
        f"{FORBIDDEN} {number}" if number % 2 else f"bread {number}",
        "unsafe" if number % 2 else "safe",
    )
    for number in range(TEXTS)
]


@pytest.fixture(scope="module")
def provider():
    with MockProvider(loopback_port()) as running:
        yield running


@pytest.fixture
def run(transactional_db, provider):
    """A run that takes three seconds: a judge of 200 ms, four at once."""
    provider.requests.clear()
    waiting()
    world = make_world(provider.url)
    run = judge_run(world, "judge-200", make_set(world.alpha, cases=CASES))
    waiting()
    return run


def worker(run):
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "DATABASE_THREADS": "4",
    }
    command = [sys.executable, "-c", WORKER, str(run.pk)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)


def results_reach(run, count):
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if GuardResult.objects.filter(run=run).count() >= count:
            return
        time.sleep(0.02)
    raise AssertionError(f"The run did not get to {count} results.")


def all_as_it_should_be(run):
    run.refresh_from_db()
    assert (run.state, run.done) == (GuardRun.State.COMPLETED, TEXTS)
    assert matrix_of_run(run) == Matrix(tp=TEXTS // 2, tn=TEXTS // 2)
    assert set(Counter(run.results.values_list("case_id", flat=True)).values()) == {1}


def test_a_run_whose_worker_is_killed_goes_on_where_it_was(run, provider):
    process = worker(run)
    results_reach(run, 4)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = GuardResult.objects.filter(run=run).count()
    assert 4 <= kept < TEXTS
    run.refresh_from_db()
    assert run.state == GuardRun.State.RUNNING
    before = len(provider.requests)
    # The database lets go of the dead process's lock by itself.
    assert worker(run).wait(PATIENCE_SECONDS) == 0
    all_as_it_should_be(run)
    assert len(provider.requests) - before == TEXTS - kept
    # What was asked in the last second before the end is asked again, and no more than that.
    assert before - kept <= 2 * 4 * 5
    assert UsageRecord.objects.filter(kind="guard").count() <= len(provider.requests)


def test_two_workers_do_not_share_a_run(run, provider):
    process = worker(run)
    results_reach(run, 1)
    runner.go_on(run.pk)
    assert worker(run).wait(PATIENCE_SECONDS) == 0
    assert process.wait(PATIENCE_SECONDS) == 0
    all_as_it_should_be(run)
    assert len(provider.requests) == TEXTS
