"""Processes that are killed, connections that are cut and a database that crashes: the sums hold."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from metering.models import BudgetPeriod, Reservation, UsageRecord
from metering.settling import expire
from metering.tests.calls import assert_sums_hold, budget
from restai_site.tests.server import ROOT, database_url
from restai_site.tests.world import make_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKERS = 4
KILLS = 12
CUTS = 12
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
CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1
"""


@pytest.fixture
def workers():
    world = make_world()
    people = [world.member, world.viewer, world.editor]
    for person in people:
        budget(200, user_id=person.pk)
        budget(20_000, unit="tokens", period="day", user_id=person.pk)
    budget(100_000, team_id=world.alpha.pk)
    budget(10**7, unit="tokens", project_id=world.project.pk)
    arguments = [world.alpha.pk, world.project.pk, *(person.pk for person in people)]
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "DJANGO_SETTINGS_MODULE": "restai_site.settings",
    }

    def start():
        command = [sys.executable, "-c", WORKER, *map(str, arguments)]
        return subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)

    running = [start() for _ in range(WORKERS)]
    yield running, start
    for process in running:
        process.kill()
        process.wait()


def written() -> int:
    return UsageRecord.objects.count()


def wait_for_more(calls: int) -> None:
    before, until = written(), time.monotonic() + 60
    while written() < before + calls:
        assert time.monotonic() < until, "The workers write nothing."
        time.sleep(0.05)


def test_kills_and_cut_connections_cost_no_unit(workers):
    running, start = workers
    wait_for_more(20)
    for number in range(KILLS + CUTS):
        wait_for_more(15)
        if number % 2:
            with connection.cursor() as cursor:
                cursor.execute(CUT)
        else:
            chosen = random.randrange(WORKERS)
            os.kill(running[chosen].pid, signal.SIGKILL)
            running[chosen].wait()
            running[chosen] = start()
    for process in running:
        process.kill()
        process.wait()
    assert_sums_hold()
    left = Reservation.objects.filter(state="held").count()
    lost = UsageRecord.objects.filter(outcome="lost")
    assert not lost.exists()
    Reservation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert expire() == left
    assert lost.count() == left
    assert not BudgetPeriod.objects.exclude(reserved=0).exists()
    assert_sums_hold()
