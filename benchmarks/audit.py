"""`make bench-audit`: how many acts a second the trail takes while it is sealed, and verifying it.

Writers are threads of this process with a connection each; an act is `audit.record()` in a
transaction of its own, committed durably. The floor is the same transaction with a row in a plain
table, in the same run. Verifying reads as many rows as are asked for (a million), made beforehand.
"""

import argparse
import resource
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django

SECONDS = 10
WRITERS = 8
SEAL_EVERY_SECONDS = 2
ROWS = 1_000_000
AT_ONCE = 5_000


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    asked = parser.parse_args()
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    floor = _writing(_floor())
    print(f"floor: {floor:.0f} transactions/s with {WRITERS} writers, {SECONDS} s")
    lags: list[float] = []
    stop = threading.Event()
    sealer = threading.Thread(target=_sealing, args=(stop, lags))
    sealer.start()
    rate = _writing(_act())
    stop.set()
    sealer.join()
    print(f"acts: {rate:.0f}/s ({rate / floor:.0%} of the floor); sealed every 2 s beside that,")
    print(f"      the oldest that waited when a round ended: {max(lags):.1f} s")
    _verifying(asked.rows)


def _floor() -> Any:
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_floor (id bigserial PRIMARY KEY, said text)")

    def write() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("INSERT INTO bench_floor (said) VALUES (%s)", ["x" * 300])

    return write


def _act() -> Any:
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


def _writing(write: Any) -> float:
    """Return how many times a second `write` was done by all writers."""
    end = time.monotonic() + SECONDS

    def work(_: int) -> int:
        from django.db import connection

        done = 0
        while time.monotonic() < end:
            write()
            done += 1
        connection.close()
        return done

    with ThreadPoolExecutor(WRITERS) as pool:
        return sum(pool.map(work, range(WRITERS))) / SECONDS


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
