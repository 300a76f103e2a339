"""`make bench-audit`: how many changes a second the trail takes while sealed, and verifying it.

Writers are threads of processes of their own, with a connection each. A change is a service that
renames a team: it looks for the row, locks it, writes it and its entry, and commits durably. An act
is the entry alone, in a transaction of its own. The floor is such a transaction with a row in a
plain table, in the same run. Verifying reads as many rows as are asked for (a million), made
beforehand.
"""

import argparse
import itertools
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

SECONDS = 10
PROCESSES, THREADS = 2, 4
SEAL_EVERY_SECONDS = 2
ROWS = 1_000_000
AT_ONCE = 5_000
Write = Callable[[], Any]


def main() -> None:
    """Print the figures, or be a process that writes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--write", choices=WRITERS, help="for this benchmark itself")
    parser.add_argument("--part", type=int, help="for this benchmark itself")
    asked = parser.parse_args()
    django.setup()
    if asked.write:
        _write_for_a_while(WRITERS[asked.write](asked.part))
        return
    _prepare()
    floor = _rate("floor")
    writers = f"{PROCESSES} processes of {THREADS} writers"
    print(f"floor: {floor:.0f} transactions/s, {writers}, {SECONDS} s")
    for what in ("act", "change"):
        rate, lag = _rate_while_sealed(what)
        print(f"{what}s: {rate:.0f}/s ({rate / floor:.0%} of the floor); sealed every 2 s beside,")
        print(f"      the oldest that waited when a round ended: {lag:.1f} s")
    _verifying(asked.rows)


def _prepare() -> None:
    from django.core.management import call_command
    from django.db import connection

    from restai_site.lib.actor import Actor
    from teams.services import create_team

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_floor (id bigserial PRIMARY KEY, said text)")
    for number in range(PROCESSES * THREADS):
        create_team(name=f"Team {number}", actor=Actor.system("bench"))


def _floor(_: int) -> Write:
    from django.db import connection, transaction

    def write() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO bench_floor (said) VALUES (%s)", ["x" * 300])

    return write


def _act(_: int) -> Write:
    from django.db import transaction

    from accounts.models import User
    from audit.services import record
    from restai_site.lib.actor import Actor

    actor = Actor(
        user_id=1,
        email="somebody@example.org",
        ip="192.0.2.1",
        user_agent="Mozilla/5.0 (X11; Linux x86_64)",
        request_id="abcdefghijkl",
    )
    changes = {"name": {"before": "Before", "after": "After"}, "number": {"before": 1, "after": 2}}

    def write() -> None:
        with transaction.atomic():
            record(actor, "user.update", User, changes=changes, team_id=3)

    return write


def _change(part: int) -> Write:
    from restai_site.lib.actor import Actor
    from teams.models import Team
    from teams.services import rename_team

    actor, teams, numbers = Actor.system("bench"), threading.local(), itertools.count()
    # Each writer of each process has one of its own, as people do.
    own = iter(Team.objects.order_by("pk")[part * THREADS : (part + 1) * THREADS])

    def write() -> None:
        if not hasattr(teams, "own"):
            teams.own = next(own)
        rename_team(teams.own, name=f"Name {next(numbers)}", actor=actor)

    return write


WRITERS: dict[str, Callable[[int], Write]] = {"floor": _floor, "act": _act, "change": _change}


def _rate(what: str) -> float:
    """Return how many times a second `what` was done by the writers of all processes."""
    running = [_writer(what, part) for part in range(PROCESSES)]
    pipes = [(one.stdin, one.stdout) for one in running if one.stdin and one.stdout]
    for _, said in pipes:
        said.readline()
    for told, _ in pipes:
        told.write("\n")
        told.flush()
    done = sum(int(said.readline()) for _, said in pipes)
    for one in running:
        one.communicate()
    return done / SECONDS


def _writer(what: str, part: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.audit", "--write", what, "--part", str(part)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _rate_while_sealed(what: str) -> tuple[float, float]:
    """Return that rate, and how long the oldest entry had waited after a round of sealing."""
    lags: list[float] = []
    stop = threading.Event()
    sealer = threading.Thread(target=_sealing, args=(stop, lags))
    sealer.start()
    rate = _rate(what)
    stop.set()
    sealer.join()
    return rate, max(lags)


def _write_for_a_while(write: Write) -> None:
    """Say that all is ready, wait for a word, write, and say how often."""
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.monotonic() + SECONDS

    def work(_: int) -> int:
        from django.db import connection

        done = 0
        while time.monotonic() < end:
            write()
            done += 1
        connection.close()
        return done

    with ThreadPoolExecutor(THREADS) as pool:
        print(sum(pool.map(work, range(THREADS))))


def _sealing(stop: threading.Event, lags: list[float]) -> None:
    from django.db import connection
    from django.utils import timezone

    from audit.chain.sealing import seal_waiting
    from audit.models import Entry, Unsealed

    while not stop.wait(SEAL_EVERY_SECONDS):
        seal_waiting()
        oldest = Entry.objects.filter(pk__in=Unsealed.objects.values("entry_id"))
        at = oldest.order_by("created_at").values_list("created_at", flat=True).first()
        lags.append((timezone.now() - at).total_seconds() if at else 0.0)
    connection.close()


def _verifying(rows: int) -> None:
    from audit.chain.sealing import seal_waiting
    from audit.chain.trail import verify_trail

    started = time.monotonic()
    _fill(rows)
    print(f"made {rows:,} more rows in {time.monotonic() - started:.0f} s")
    started = time.monotonic()
    while seal_waiting():
        pass
    print(f"sealed them in {time.monotonic() - started:.1f} s")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    report = verify_trail()
    seconds = time.monotonic() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"verified {report.entries:,} rows in {report.seals} seals in {seconds:.1f} s,")
    print(f"      {grown:.0f} MB more memory at the peak; the trail holds: {report.holds}")
    sys.exit(0 if report.holds else 1)


def _fill(rows: int) -> None:
    from audit.chain.content import row_content, row_of
    from audit.chain.keys import newest
    from audit.models import Entry

    for start in range(0, rows, AT_ONCE):
        entries = [
            Entry(
                actor_id=number,
                actor_email=f"somebody-{number}@example.org",
                credential="session",
                action="user.update",
                target_type="accounts.user",
                target_id=str(number),
                changes={"name": {"before": f"Before {number}", "after": "After"}},
            )
            for number in range(start, min(start + AT_ONCE, rows))
        ]
        for entry in entries:
            entry.mac = newest().mac(row_content(row_of(entry)))
        Entry.objects.bulk_create(entries)


if __name__ == "__main__":
    main()
