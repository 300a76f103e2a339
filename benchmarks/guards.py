"""`make bench-guards`: what guards add to the first visible word and to the whole of an answer.

One call at a time through the whole stack of the platform, in this process, against a mock
provider over real HTTP that takes 300 ms to its first word, as a model does. The guard's model
takes 300 ms for its verdict. The floor is the same call without a guard, in the same run.
"""

import asyncio
import os
import secrets
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import django

from benchmarks.mock_provider import HOST, MockProvider

ROUNDS = 15
WARM_UP = 2
MODEL_MS = GUARD_MS = 300
# 4 kB of harmless prose.
TEXT = ("The quick brown fox jumps over the lazy dog while it rains in Lisbon. " * 60)[:4096]
MANDATORY = {"timeout_ms": 10_000}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a name, and the guards that stand there."""

    name: str
    guards: Sequence[Mapping[str, Any]] = ()


def main() -> None:
    """Print the table."""
    with MockProvider() as provider:
        os.environ["NETWORK_PROVIDER_HOSTS"] = f"{HOST}:{provider.port}"
        # Answers are the same each time: a verdict that is remembered would cost nothing.
        os.environ["GUARD_CACHE_SECONDS"] = "0"
        django.setup()
        from django.core.management import call_command
        from django.test.utils import setup_test_environment

        call_command("migrate", verbosity=0)
        setup_test_environment()
        provider.log.enabled = False
        project, judge, key = _world(provider.url)
        print(f"4 kB question, model {MODEL_MS} ms to its first word, guard model {GUARD_MS} ms.")
        print(f"Milliseconds, medians and 95th percentiles of {ROUNDS} calls, one at a time.\n")
        print("| guards | first word p50 | p95 | added | stream p50 | p95 | whole p50 | added |")
        print("|---|---|---|---|---|---|---|---|")
        floor: tuple[float, float] | None = None
        for row in _rows(judge):
            _bind(project, row)
            floor = _print(row, asyncio.run(_measure(project, key)), floor)


def _rows(judge: Any) -> list[Row]:
    from guards.detectors import detectors

    slugs = [one.slug for one in detectors()]
    model = {"guard": judge}
    return [
        Row("none"),
        *(Row(f"{slug}, input", [{"detector": slug}]) for slug in slugs),
        Row("all detectors, input", [{"detector": slug} for slug in slugs]),
        *(Row(f"{slug}, output", [{"detector": slug, "stage": "output"}]) for slug in slugs),
        Row("model, input, before", [model]),
        Row("model, input, speculative", [{**model, "is_speculative": True}]),
        Row("model, output", [{**model, "stage": "output"}]),
    ]


def _world(url: str) -> tuple[Any, Any, str]:
    from accounts.services import create_api_key, create_user
    from catalog.models import LLM
    from catalog.services import create_model, create_provider
    from projects.services import create_project
    from restai_site.lib.actor import Actor
    from teams.services import add_member, create_team, set_grants

    system = Actor.system("benchmark")
    account = {"name": "Mock", "kind": "openai_compatible", "base_url": url, "api_key": "sk"}
    values = {"provider": create_provider(account, actor=system), "context_window": 32_768}
    names = {"bench": f"late-{MODEL_MS}", "judge": f"judge-{GUARD_MS}"}
    made = {
        name: create_model(LLM, {**values, "name": name, "litellm_model": there}, actor=system)
        for name, there in names.items()
    }
    team = create_team(name="Bench", actor=system)
    set_grants(team, {"llms": list(made.values())}, actor=system)
    shared = {"visibility": "team"}
    project = create_project(team, {"name": "Chat", "llm": made["bench"], **shared}, actor=system)
    judge = create_project(team, {"name": "Judge", "llm": made["judge"], **shared}, actor=system)
    user = create_user(email="bench@example.org", password=secrets.token_urlsafe(32), actor=system)
    add_member(team, user, actor=system)
    actor = Actor(user_id=user.pk, email=user.email, session_id=uuid4())
    return project, judge, create_api_key(user, name="bench", actor=actor)[1]


def _bind(project: Any, row: Row) -> None:
    from guards import services
    from guards.models import GuardBinding
    from restai_site.lib.actor import Actor

    GuardBinding.objects.all().delete()
    for values in row.guards:
        services.add_binding(project, {**MANDATORY, **values}, actor=Actor.system("benchmark"))


async def _measure(project: Any, key: str) -> tuple[list[float], list[float], list[float]]:
    """Return the milliseconds to the first word and to the end of streams, and of whole answers."""
    firsts, ends, wholes = [], [], []
    for number in range(WARM_UP + ROUNDS):
        first, end = await _call(project, key, number, streamed=True)
        _, whole = await _call(project, key, number, streamed=False)
        if number >= WARM_UP:
            firsts.append(first)
            ends.append(end)
            wholes.append(whole)
    return firsts, ends, wholes


async def _call(project: Any, key: str, number: int, *, streamed: bool) -> tuple[float, float]:
    from django.test import AsyncClient

    # Another text each time: a verdict that is remembered would cost nothing.
    content = f"{number} {streamed} {TEXT}"
    body = {
        "model": f"project/{project.pk}",
        "messages": [{"role": "user", "content": content}],
        "stream": streamed,
    }
    headers = {"Authorization": f"Bearer {key}"}
    began = time.perf_counter()
    response: Any = await AsyncClient().post(
        "/v1/chat/completions", body, content_type="application/json", headers=headers
    )
    assert response.status_code == 200, response.content
    first = 0.0
    if streamed:
        # The first piece that is sent holds the first words.
        async for _ in response.streaming_content:
            first = first or _since(began)
    return first, _since(began)


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _print(
    row: Row,
    measured: tuple[list[float], list[float], list[float]],
    floor: tuple[float, float] | None,
) -> tuple[float, float]:
    first, end, whole = (statistics.median(one) for one in measured)
    high_first, high_end = (sorted(one)[int(len(one) * 0.95)] for one in measured[:2])
    base = floor or (first, whole)
    added_first, added_whole = (first / base[0] - 1) * 100, (whole / base[1] - 1) * 100
    print(
        f"| {row.name} | {first:.0f} | {high_first:.0f} | {added_first:+.1f} % "
        f"| {end:.0f} | {high_end:.0f} | {whole:.0f} | {added_whole:+.1f} % |"
    )
    return base


if __name__ == "__main__":
    main()
