"""How long the figures and lists of guards take over many findings.

All findings are within 90 days; a tenth of them are of one project, and three quarters of that
project's are not findings but passes. Each query is timed by itself, then whole pages are.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import django

EVENTS = 200_000
PROJECTS = 10
ROUNDS = 7
EVENT = """
    INSERT INTO guards_guardevent (
        id, call_id, project_id, team_id, guard_name, detector, stage, mode, outcome, category,
        reason, failure, checks, latency_ms, is_cached, text, review, review_note, created_at
    )
    SELECT
        gen_random_uuid(), gen_random_uuid(), %(project)s + n %% %(projects)s, %(team)s,
        'Guard ' || n %% 4,
        (ARRAY['personal_data', 'secrets', 'injection', 'patterns'])[1 + n %% 4],
        CASE WHEN random() < 0.5 THEN 'input' ELSE 'output' END, 'block', outcome,
        CASE WHEN outcome IN ('passed', 'failed_closed') THEN ''
             ELSE 'category ' || (random() * 12)::int END,
        '', '', 1, (5 + 40 * -ln(1 - random()))::int, false,
        CASE WHEN outcome = 'passed' THEN '' ELSE repeat('What was said ', 30) END,
        CASE WHEN random() < 0.02 THEN 'right' ELSE '' END, '',
        now() - interval '1 day' * (90 * random())
    FROM (
        SELECT n, (
            CASE WHEN random() < 0.75 THEN 'passed'
                 ELSE (ARRAY['blocked', 'warned', 'redacted', 'failed_closed'])[
                     1 + floor(random() * 4)::int] END
        ) AS outcome
        FROM generate_series(1, %(events)s) AS n
    ) AS made
"""


def main() -> int:
    """Print the times. Nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    given = parser.parse_args()
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.ALLOWED_HOSTS = ["testserver"]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {given.events:,} findings, {PROJECTS} projects", flush=True
    )
    call_command("migrate", verbosity=0)
    project, admin = _fill(given.events)
    _queries(project, admin)
    _pages(project, admin)
    return 0


def _fill(events: int) -> tuple[Any, Any]:
    from django.db import connection

    from accounts.models import User
    from benchmarks.analytics import _make_model
    from projects.models import Project
    from teams.models import Membership, Team

    team = Team.objects.create(name="Team", slug="team", time_zone="Pacific/Kiritimati")
    admin = User.objects.create(email="admin@example.org", name="Admin", password="!")
    Membership.objects.create(team=team, user=admin, role="admin")
    llm = _make_model()
    projects = Project.objects.bulk_create(
        Project(name=f"Project {number}", team=team, llm=llm) for number in range(PROJECTS)
    )
    numbers = {"events": events, "projects": PROJECTS, "team": team.pk, "project": projects[0].pk}
    with connection.cursor() as cursor:
        cursor.execute(EVENT, numbers)
        cursor.execute("VACUUM ANALYZE guards_guardevent")
        cursor.execute("SELECT pg_total_relation_size('guards_guardevent')")
        print(f"{'table with its indexes':56} {cursor.fetchone()[0] / 1e6:8.0f} MB")
    return projects[0], admin


def _queries(project: Any, admin: Any) -> None:
    """Time what a page asks, one after the other, for the project and for the whole team."""
    from guards.filters import Filters
    from guards.periods import ZonedPeriod
    from guards.statistics import Statistics
    from restai_site.tests.world import acting

    actor = acting(admin)
    parts = ("totals", "series", "categories", "guards")
    print(f"\n{'queries, median of ' + str(ROUNDS):56} {'ms':>8}")
    for name, filters in (
        ("project", Filters(project=project.pk)),
        ("team", Filters(team=project.team_id)),
    ):
        for key in ("30d", "90d"):
            period = ZonedPeriod.of(key, "Pacific/Kiritimati")
            for part in parts:

                def ask(filters: Any = filters, period: Any = period, part: str = part) -> None:
                    rows = filters.rows(actor)
                    getattr(Statistics(rows, period, by_binding=name == "project"), part)  # noqa: B023

                print(f"{f'{name}, {key}, {part}':56} {_median(ask):8.1f}", flush=True)


def _pages(project: Any, admin: Any) -> None:
    from benchmarks.analytics import _getting

    own, team = f"/projects/{project.pk}/guards", f"/teams/{project.team_id}/guards"
    print(f"\n{'whole pages, median of ' + str(ROUNDS):56} {'ms':>8}")
    for path in (
        "/profile",
        f"{own}/analytics",
        f"{own}/analytics?period=90d",
        f"{own}/events",
        f"{own}/events?outcome=passed&period=all",
        f"{own}/events?outcome=passed&period=all&page=500",
        team,
        f"{team}?period=90d",
        f"{team}/events",
        f"{team}/events?outcome=passed&period=all",
        "/api/guards/events?outcome=blocked",
        f"/api/guards/statistics?project={project.pk}&period=90d",
    ):
        print(f"{path:56} {_median(_getting(admin, path)):8.1f}", flush=True)


def _median(call: Callable[[], None]) -> float:
    """Return milliseconds; the first round opens connections and loads templates."""
    call()
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        call()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
