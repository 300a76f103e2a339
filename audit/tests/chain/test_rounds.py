"""Sealing by the clock: in a real worker whose jobs take long, and through failures."""

import os
import signal
import subprocess
import sys
from functools import partial

import pytest
from django.conf import settings
from django.db import OperationalError, connections

from audit.chain import rounds
from audit.chain.trail import verify_trail
from audit.models import Seal, Unsealed
from audit.tests.chain.trail import write
from restai_site.tests import waiting
from restai_site.tests.server import ROOT, database_url

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
# A job that lasts longer than this test waits, on the only process that runs jobs.
BUSY = """
import sys, time
from restai_site.celery import app
@app.task(name="busy", acks_late=False)
def busy(path):
    open(path, "w").close()
    time.sleep(120)
sys.argv[0] = "celery"
app.worker_main(["worker", "--concurrency", "1", "--loglevel", "WARNING"])
"""
eventually = partial(waiting.eventually, seconds=60)


@pytest.fixture
def worker(tmp_path):
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "AUDIT_CHECKPOINT_FILE": str(tmp_path / "checkpoint.json"),
    }
    started = subprocess.Popen(
        [sys.executable, "-c", BUSY], cwd=ROOT, env=environment, start_new_session=True
    )
    yield started
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def test_a_worker_whose_jobs_take_long_seals_all_the_same(worker, tmp_path):
    from restai_site.celery import app

    begun = tmp_path / "begun"
    app.send_task("busy", args=[str(begun)])
    eventually(begun.exists)
    write(3)
    eventually(lambda: not Unsealed.objects.exists())
    assert Seal.objects.exists()
    assert eventually((tmp_path / "checkpoint.json").exists)
    write(2)
    eventually(lambda: not Unsealed.objects.exists())
    assert verify_trail().holds


def test_a_round_that_fails_is_not_the_last(monkeypatch, caplog):
    tried = []

    def failing():
        tried.append(None)
        if len(tried) < 3:
            raise OperationalError("The database is away.")

    monkeypatch.setattr(rounds, "SECONDS", 0.01)
    monkeypatch.setattr(rounds, "seal_and_tell", failing)
    thread = rounds.Rounds()
    thread.start()
    eventually(lambda: len(tried) > 3)
    thread.end()
    assert "A round of sealing failed" in caplog.text
    assert not thread.is_alive()


def test_the_thread_seals(monkeypatch):
    monkeypatch.setattr(rounds, "SECONDS", 0.01)
    write(2)
    thread = rounds.Rounds()
    thread.start()
    eventually(lambda: not Unsealed.objects.exists())
    thread.end()
    connections.close_all()
    assert verify_trail().holds
