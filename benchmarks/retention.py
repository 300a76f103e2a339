"""`make bench-retention`: how long a million rows take to go, and what chats notice of it.

Findings of guards and messages, a million each, are made beforehand, all of them over. Chats go
through the whole stack in this process, one at a time, against a mock provider; the removal runs in
a process of its own, as the worker does it. The floor is the same chat with no removal beside it.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from typing import Any

import django

from benchmarks.mock_provider import HOST, MockProvider

ROWS = 1_000_000
PER_CONVERSATION = 100
CHATS = 400
MODEL_MS = 20
EVENTS = """
    INSERT INTO guards_guardevent (id, call_id, project_id, team_id, guard_name, detector, stage,
        mode, outcome, category, reason, failure, checks, latency_ms, is_cached, text, review,
        review_note, created_at)
    SELECT gen_random_uuid(), gen_random_uuid(), %(project)s, %(team)s, 'Words', 'patterns',
        'input', 'block', 'blocked', 'words', 'A word', '', 1, 3, false,
        repeat('what was said ', 20), '', '',
        now() - interval '400 days' + n * interval '1 second'
    FROM generate_series(1, %(rows)s) AS n
"""
CONVERSATIONS = """
    INSERT INTO inference_conversation
        (id, project_id, user_id, title, pinned, created_at, updated_at)
    SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, %(project)s, %(user)s,
        'Once', false, now() - interval '400 days', now() - interval '400 days'
    FROM generate_series(1, %(rows)s / %(each)s) AS n
"""
MESSAGES = """
    INSERT INTO inference_message
        (id, conversation_id, parent_id, role, content, status, created_at)
    SELECT ('00000000-0000-0000-0001-' || lpad(n::text, 12, '0'))::uuid,
        ('00000000-0000-0000-0000-' || lpad((1 + (n - 1) / %(each)s)::text, 12, '0'))::uuid,
        CASE WHEN (n - 1) %% %(each)s = 0 THEN NULL
             ELSE ('00000000-0000-0000-0001-' || lpad((n - 1)::text, 12, '0'))::uuid END,
        CASE WHEN n %% 2 = 1 THEN 'user' ELSE 'assistant' END, repeat('what was said ', 20),
        'complete', now() - interval '400 days' + n * interval '1 second'
    FROM generate_series(1, %(rows)s) AS n
"""


def main() -> None:
    """Print the table, or be the process that removes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--remove", help="for this benchmark itself: the kind to remove")
    asked = parser.parse_args()
    if asked.remove:
        _remove(asked.remove)
        return
    with MockProvider() as provider:
        os.environ["NETWORK_PROVIDER_HOSTS"] = f"{HOST}:{provider.port}"
        django.setup()
        from django.core.management import call_command
        from django.test.utils import setup_test_environment

        call_command("migrate", verbosity=0)
        setup_test_environment()
        provider.log.enabled = False
        from benchmarks.world import chat_world

        project, user, key = chat_world(provider.url, model=f"late-{MODEL_MS}")
        _fill(project, user, asked.rows)
        print(f"{asked.rows:,} rows each; chats one at a time, model {MODEL_MS} ms.\n")
        print("| what goes | rows | seconds | chats p50 | p99 | p99 to the floor |")
        print("|---|---|---|---|---|---|")
        floor = asyncio.run(_chats(project, key, lambda: False))
        _line("nothing (floor)", 0, 0.0, floor, floor)
        for kind in ("guard_events", "conversations"):
            _beside(kind, project, key, floor)


def _remove(kind: str) -> None:
    django.setup()
    from projects.retention import engine
    from projects.retention.kinds import kind_named
    from projects.sections import RetentionSection
    from restai_site.lib import configuration

    with configuration.overridden(RetentionSection, **{kind: 30}):
        began = time.monotonic()
        print(engine.purge(kind_named(kind)).deleted, time.monotonic() - began)


def _beside(kind: str, project: Any, key: str, floor: list[float]) -> None:
    command = [sys.executable, "-m", "benchmarks.retention", "--remove", kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as removing:
        chats = asyncio.run(_chats(project, key, lambda: removing.poll() is None))
        said = removing.communicate()[0]
    rows, seconds = said.split()[-2:]
    _line(kind.replace("_", " "), int(rows), float(seconds), chats, floor)


async def _chats(project: Any, key: str, goes_on: Any) -> list[float]:
    """Return the milliseconds of CHATS chats, or of more as long as something goes on."""
    from django.test import AsyncClient

    body = {
        "model": f"project/{project.pk}",
        "messages": [{"role": "user", "content": "Hello"}],
    }
    headers = {"Authorization": f"Bearer {key}"}
    taken: list[float] = []
    while len(taken) < CHATS or goes_on():
        began = time.perf_counter()
        response: Any = await AsyncClient().post(
            "/v1/chat/completions", body, content_type="application/json", headers=headers
        )
        assert response.status_code == 200, response.content
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def _fill(project: Any, user: Any, rows: int) -> None:
    from django.db import connection

    values = {
        "project": project.pk,
        "team": project.team_id,
        "user": user.pk,
        "rows": rows,
        "each": PER_CONVERSATION,
    }
    with connection.cursor() as cursor:
        for statement in (EVENTS, CONVERSATIONS, MESSAGES):
            cursor.execute(statement, values)
        cursor.execute("ANALYZE")


def _line(name: str, rows: int, seconds: float, taken: list[float], floor: list[float]) -> None:
    half, high = _percentile(taken, 0.5), _percentile(taken, 0.99)
    share = high / _percentile(floor, 0.99)
    print(f"| {name} | {rows:,} | {seconds:.0f} | {half:.0f} ms | {high:.0f} ms | {share:.2f} |")


def _percentile(taken: list[float], share: float) -> float:
    return sorted(taken)[int(len(taken) * share)]


if __name__ == "__main__":
    main()
