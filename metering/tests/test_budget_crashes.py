"""Processes that are killed, connections that are cut, a database that crashes: the sums hold."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from metering.models import BudgetPeriod, Reservation, UsageRecord
from metering.settling import expire
from metering.tests.calls import assert_sums_hold, budget
from restai_site.embedded import postgres
from restai_site.tests.server import ROOT, database_url
from restai_site.tests.world import make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKERS = 4
KILLS = 12
CUTS = 12
CRASHES = 3
# Reserves and settles until it is killed; a settlement that fails is tried again, as `finish` does.
WORKER = """
import random, sys, time
from datetime import timedelta
from decimal import Decimal
import django
django.setup()
from django.db import Error, connection
from metering.claims import Payer
from metering.errors import BudgetExceeded
from metering.tests.calls import claim, end, hold
team, project, *users = map(int, sys.argv[1:])
while True:
    call = claim(Payer(team, project, random.choice(users), None))
    cost = Decimal(random.randint(1, 900_000)).scaleb(-6)
    tokens = (random.randint(1, 99), random.randint(0, 99))
    try:
        hold(call, lease=timedelta(minutes=1))
        time.sleep(random.random() / 200)
    except (BudgetExceeded, Error):
        connection.close()
        continue
    for _ in range(50):
        try:
            end(call, cost=cost, tokens=tokens)
            break
        except Error:
            connection.close()
            time.sleep(0.02)
"""
ANY_BACKEND = """
    SELECT pid FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1
"""
CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1
"""


# Makes the budgets and prints what the workers are told.
PREPARE = """
import django
django.setup()
from metering.tests.test_budget_crashes import make_budgets
print(*make_budgets())
"""
# Expires what is left over, and looks at all sums before and after.
CHECK = """
import django
django.setup()
from metering.tests.test_budget_crashes import check_and_expire
print(*check_and_expire())
"""


def make_budgets():
    """Return the ids of a team, a project and three people, all of whom have budgets."""
    world = make_world()
    people = [world.member, world.viewer, world.editor]
    for person in people:
        budget(200, user_id=person.pk)
        budget(20_000, unit="tokens", period="day", user_id=person.pk)
    budget(100_000, team_id=world.alpha.pk)
    budget(10**7, unit="tokens", project_id=world.project.pk)
    return [world.alpha.pk, world.project.pk, *(person.pk for person in people)]


def check_and_expire():
    """Return how many calls are in the ledger, how many held something, how many were expired."""
    assert_sums_hold()
    left = Reservation.objects.filter(state="held").count()
    lost = UsageRecord.objects.filter(outcome="lost")
    assert not lost.exists()
    calls = UsageRecord.objects.count()
    Reservation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    expired = expire()
    assert lost.count() == expired
    assert not BudgetPeriod.objects.exclude(reserved=0).exists()
    assert_sums_hold()
    return calls, left, expired


def environment(url):
    return {
        **os.environ,
        "DATABASE_URL": url,
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "restai_site.settings",
    }


class Workers:
    """Processes that hold and settle, and are started again when they are killed."""

    def __init__(self, url, ids):
        self.environment = environment(url)
        self.command = [sys.executable, "-c", WORKER, *map(str, ids)]

    def __enter__(self):
        self.running = [self._start() for _ in range(WORKERS)]
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.kill()
            process.wait()

    def _start(self):
        return subprocess.Popen(
            self.command, cwd=ROOT, env=self.environment, start_new_session=True
        )

    def kill_one(self):
        chosen = random.randrange(WORKERS)  # noqa: S311
        os.kill(self.running[chosen].pid, signal.SIGKILL)
        self.running[chosen].wait()
        self.running[chosen] = self._start()


def wait_for_more(count, calls: int) -> None:
    before, until = count(), time.monotonic() + 60
    while count() < before + calls:
        assert time.monotonic() < until, "The workers write nothing."
        time.sleep(0.05)


def test_kills_and_cut_connections_cost_no_unit():
    written = UsageRecord.objects.count
    with Workers(database_url(), make_budgets()) as workers:
        wait_for_more(written, 20)
        for number in range(KILLS + CUTS):
            wait_for_more(written, 15)
            if number % 2:
                with connection.cursor() as cursor:
                    cursor.execute(CUT)
            else:
                workers.kill_one()
    calls, left, expired = check_and_expire()
    assert calls > 15 * (KILLS + CUTS)
    assert left == expired


def test_a_database_that_crashes_costs_no_unit():
    """On an engine of its own: a backend that is killed takes the whole server down with it."""
    folder = Path(tempfile.mkdtemp(prefix="restai-crash-"))
    folder.chmod(0o755)
    url = postgres.start(folder / "postgres")

    def run(*command):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=environment(url),
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.split()

    try:
        run("manage.py", "migrate", "--verbosity", "0")
        with Workers(url, run("-c", PREPARE)):
            for _ in range(CRASHES):
                wait_for_more(partial(count_in, url), 40)
                with psycopg.connect(url) as direct:
                    [(backend,)] = direct.execute(ANY_BACKEND).fetchall()
                os.kill(backend, signal.SIGKILL)
            wait_for_more(partial(count_in, url), 40)
        calls, left, expired = map(int, run("-c", CHECK))
    finally:
        postgres.remove(folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)
    assert calls > 40 * CRASHES
    assert left == expired


def count_in(url) -> int:
    """Return the number of calls in the ledger, once the database answers."""
    until = time.monotonic() + 60
    while True:
        try:
            with psycopg.connect(url) as direct:
                [(count,)] = direct.execute("SELECT count(*) FROM metering_usagerecord").fetchall()
        except psycopg.OperationalError:
            assert time.monotonic() < until, "The database does not come back."
            time.sleep(0.1)
        else:
            return count
