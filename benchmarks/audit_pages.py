"""`make bench-audit-pages`: what a page of the trail costs with ten million entries.

The rows are made by the database, with the triggers at rest: what is measured is reading. Each page
is asked for as the API does it, through the filters, and its rows are read; medians of REPEATS. The
floor is the same question of a thousand entries, in the same run.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import django

ROWS = 10_000_000
FEW = 1_000
PAGE = 50
REPEATS = 15
# A thousand people, a hundred teams, forty kinds of acts; one in a hundred is refused, one in a
# hundred thousand names a rare word.
FILL = """
    INSERT INTO audit_entry (created_at, actor_id, actor_email, credential, impersonator_email,
        action, target_type, target_id, target_name, team_id, status, ip, user_agent, request_id,
        changes, uid, mac)
    SELECT now() - interval '400 days' + n * interval '3 seconds', n %% 1000,
        'person-' || n %% 1000 || '@example.org', 'session', '', 'kind.act_' || n %% 40,
        'projects.project', (n %% 5000)::text,
        'Project ' || n %% 5000 || CASE WHEN n %% 100000 = 0 THEN ' zebra' ELSE '' END, n %% 100,
        CASE WHEN n %% 100 = 0 THEN 403 ELSE 200 END, ('192.0.2.' || n %% 250)::inet,
        'Mozilla/5.0',
        'request-' || n, jsonb_build_object('name', jsonb_build_object('before', 'a', 'after', n)),
        gen_random_uuid(), repeat('a', 64)
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n
"""
AT_ONCE = 500_000


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    asked = parser.parse_args()
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    _fill(1, FEW)
    few = {name: _milliseconds(page) for name, page in _pages(FEW).items()}
    began = time.monotonic()
    _fill(FEW + 1, asked.rows)
    print(f"made {asked.rows:,} entries in {time.monotonic() - began:.0f} s\n")
    print(f"| page of {PAGE} | {FEW:,} entries | {asked.rows:,} entries |")
    print("|---|---|---|")
    for name, page in _pages(asked.rows).items():
        print(f"| {name} | {few[name]:.1f} ms | {_milliseconds(page):.1f} ms |")


def _fill(first: int, last: int) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        for begin in range(first, last + 1, AT_ONCE):
            end = min(begin + AT_ONCE - 1, last)
            cursor.execute(FILL, {"first": begin, "last": end})
        cursor.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
        cursor.execute("VACUUM ANALYZE audit_entry")


def _pages(rows: int) -> dict[str, Callable[[], int]]:
    from audit.models import Entry

    newest = Entry.objects.latest("pk").pk
    deep = newest - rows * 9 // 10
    return {
        "newest": _page({}),
        "nine tenths down": _page({}, before=deep),
        "everything": _page({"kind": "all"}),
        "of a person": _page({"actor_email": "person-7@example.org"}),
        "of a person, deep": _page({"actor_email": "person-7@example.org"}, before=deep),
        "of an action": _page({"action": "kind.act_7"}),
        "of a team": _page({"team": "7"}),
        "of a target": _page({"target_type": "projects.project", "target_id": "7"}),
        "of an IP address": _page({"ip": "192.0.2.7"}),
        "refused": _page({"outcome": "refused"}),
        "of a status": _page({"status": "403"}),
        "since a date": _page({"since": "2026-01-01T00:00:00Z"}),
        "with a rare word": _page({"text": "zebra"}),
        "with a common word": _page({"text": "project"}),
    }


def _page(filters: dict[str, str], before: int | None = None) -> Callable[[], int]:
    from audit.api.filters import EntryFilter
    from audit.models import Entry

    def read() -> int:
        rows: Any = EntryFilter(filters, queryset=Entry.objects.all()).qs
        if before is not None:
            rows = rows.filter(pk__lt=before)
        return len(list(rows.order_by("-pk")[:PAGE]))

    return read


def _milliseconds(page: Callable[[], int]) -> float:
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        page()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
