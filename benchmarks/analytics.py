"""`make bench-analytics`: pages of use over a ledger of five million calls.

Builds 200 teams, 1,000 projects and 10,000 people with 90 days of calls in a database of its own,
sums them up, and asks for the pages as a browser does, without the network. The floor is a page
without statistics, asked in turns with them; beside it stands what the same totals take when the
ledger itself is asked. `--calls` takes fewer.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import django

CALLS = 5_000_000
TEAMS, PROJECTS, USERS, MODELS, DAYS = 200, 1000, 10_000, 10, 90
ROUNDS = 9
AIM_MILLISECONDS = 300.0
# Person u works in team u modulo TEAMS, whose projects are those with the same remainder; half of
# the calls go to each of two of these, and two of five are made by a key. The admin of a team is
# its first person.
CALL = """
    INSERT INTO metering_usagerecord (call_id, team_id, project_id, user_id, api_key_id, model_name,
        kind, prompt_tokens, completion_tokens, tokens_source, cost, latency_ms, first_token_ms,
        outcome, streamed, request_id, started_at, created_at)
    SELECT gen_random_uuid(), %(team)s + (person - 1) %% %(teams)s,
        %(project)s + (person - 1) %% %(teams)s
            + %(teams)s * (floor(random() * 2) + person %% 4)::int,
        %(user)s + person - 1, CASE WHEN random() < 0.4 THEN person END,
        'model-' || person %% %(models)s,
        CASE WHEN random() < 0.9 THEN 'chat' ELSE 'embedding' END,
        (random() * 4000)::int, (random() * 800)::int, 'provider',
        (random() * 0.02)::numeric(20, 12),
        (200 + 1200 * -ln(1 - random()))::int, (100 + 400 * random())::int,
        CASE WHEN random() < 0.97 THEN 'completed' WHEN random() < 0.5 THEN 'provider_error'
             ELSE 'cancelled' END,
        true, '', at, at
    FROM (
        SELECT 1 + floor(random() * %(users)s)::int AS person,
            now() - interval '1 day' * (%(days)s * (1 - n / %(calls)s::float8)) AS at
        FROM generate_series(1, %(calls)s) AS n
    ) AS made
"""
INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'metering_usagerecord'
    AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""
RAW = """
    SELECT count(*), sum(cost), percentile_cont(0.95) WITHIN GROUP (ORDER BY latency_ms)
    FROM metering_usagerecord WHERE created_at >= now() - interval '90 days'
"""


def main() -> int:
    """Print the figures. Returns 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=CALLS)
    given = parser.parse_args()
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.ALLOWED_HOSTS = ["testserver"]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {given.calls:,} calls", flush=True)
    call_command("migrate", verbosity=0)
    with _timed("filling the ledger"):
        _fill(given.calls)
    with _timed("the first roll-up, from nothing"):
        _roll_up()
    with _timed("a roll-up a minute later"):
        _roll_up()
    _sizes()
    return _pages()


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    print(f"{what:46} {time.perf_counter() - began:9.2f} s", flush=True)


def _fill(calls: int) -> None:
    from django.db import connection

    numbers = {"calls": calls, "teams": TEAMS, "users": USERS, "models": MODELS, "days": DAYS}
    # The ids of each follow one another: the database is new.
    numbers |= _make_world()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE metering_usagerecord DISABLE TRIGGER USER")
        # Made anew afterwards, in a fraction of the time that millions of entries take.
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute(CALL, numbers)
        for _, definition in indexes:
            cursor.execute(definition)
        cursor.execute("ALTER TABLE metering_usagerecord ENABLE TRIGGER USER")
        cursor.execute("VACUUM ANALYZE")


def _make_world() -> dict[str, int]:
    from accounts.models import User
    from projects.models import Project
    from teams.models import Membership, Team

    teams = Team.objects.bulk_create(
        Team(name=f"Team {number}", slug=f"team-{number}") for number in range(TEAMS)
    )
    people = User.objects.bulk_create(
        User(
            email=f"person-{number}@example.org",
            name=f"Person {number}",
            password="!",
            is_platform_admin=number == 0,
        )
        for number in range(USERS)
    )
    Membership.objects.bulk_create(
        Membership(
            team=teams[number % TEAMS], user=person, role="admin" if number < TEAMS else "member"
        )
        for number, person in enumerate(people)
    )
    llm = _make_model()
    projects = Project.objects.bulk_create(
        Project(name=f"Project {number}", team=teams[number % TEAMS], llm=llm)
        for number in range(PROJECTS)
    )
    return {"team": teams[0].pk, "project": projects[0].pk, "user": people[0].pk}


def _make_model() -> Any:
    from catalog.models import LLM
    from catalog.services import create_model, create_provider
    from restai_site.lib.actor import Actor

    system = Actor.system("benchmark")
    account = {"name": "Mock", "kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1"}
    provider = create_provider({**account, "api_key": "sk"}, actor=system)
    values = {"name": "mock", "provider": provider, "litellm_model": "mock"}
    return create_model(LLM, values, actor=system)


def _roll_up() -> None:
    from metering.rolling_up import roll_up

    roll_up()


def _sizes() -> None:
    from django.db import connection

    from metering.models import UsageRollup

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE metering_usagerollup")
        for table in ("metering_usagerecord", "metering_usagerollup"):
            cursor.execute("SELECT pg_total_relation_size(%s)", [table])
            print(f"{table + ' with its indexes':46} {cursor.fetchone()[0] / 1e6:9.0f} MB")
    print(f"{'rows of roll-ups':46} {UsageRollup.objects.count():9,}")


def _pages() -> int:
    from accounts.models import User
    from teams.models import Team

    admin, team_admin, member = User.objects.order_by("pk")[:1].get(), *_two_people()
    team = Team.objects.get(memberships__user=team_admin)
    asked = {
        "a page without statistics (floor)": (admin, "/profile"),
        "dashboard, platform admin, 24 hours": (admin, "/?period=24h"),
        "dashboard, platform admin, 30 days": (admin, "/"),
        "dashboard, platform admin, 90 days": (admin, "/?period=90d"),
        "dashboard, one team, platform admin, 90 days": (admin, f"/?team={team.pk}&period=90d"),
        "dashboard, one model, platform admin, 90 days": (admin, "/?model=model-1&period=90d"),
        "dashboard, team admin, 30 days": (team_admin, "/"),
        "dashboard, team admin, 90 days": (team_admin, "/?period=90d"),
        "team's Analytics, 90 days": (team_admin, f"/teams/{team.pk}/analytics?period=90d"),
        "dashboard, a member, 90 days": (member, "/?period=90d"),
        "GET /api/analytics, platform admin, 90 days": (admin, "/api/analytics?period=90d"),
        "CSV of all people, 90 days": (admin, "/api/analytics.csv?by=user&period=90d"),
    }
    calls = {what: _getting(*whom) for what, whom in asked.items()}
    times = _in_turns(calls)
    floor = statistics.median(times["a page without statistics (floor)"])
    missed = 0
    print(f"\n{'median of ' + str(ROUNDS):46} {'ms':>9} {'floor':>9}")
    for what, taken in times.items():
        median = statistics.median(taken)
        print(f"{what:46} {median:9.0f} {median / floor:8.1f}x")
        missed += "CSV" not in what and median > AIM_MILLISECONDS
    print(f"{'the totals of 90 days asked of the ledger':46} {_raw():9.0f}")
    return int(missed > 0)


def _two_people() -> tuple[Any, Any]:
    """Return the admin of a team, who runs no platform, and a member of one."""
    from accounts.models import User

    people = User.objects.order_by("pk")
    return people[1], people[USERS - 1]


def _getting(user: Any, path: str) -> Callable[[], None]:
    from django.conf import settings
    from django.test import Client

    from restai_site.tests.clients import start_session

    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = start_session(user)

    def get() -> None:
        answer = browser.get(path)
        assert answer.status_code == 200, (path, answer.status_code)

    return get


def _in_turns(calls: dict[str, Callable[[], None]]) -> dict[str, list[float]]:
    """Return milliseconds. The first round opens connections and loads templates."""
    times: dict[str, list[float]] = {what: [] for what in calls}
    for turn in range(ROUNDS + 1):
        for what, call in calls.items():
            began = time.perf_counter()
            call()
            if turn:
                times[what].append((time.perf_counter() - began) * 1000)
    return times


def _raw() -> float:
    from django.db import connection

    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(RAW)
        cursor.fetchone()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    sys.exit(main())
