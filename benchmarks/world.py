"""What a measurement needs in the database: `python -m benchmarks.world URL` prints an API key.

URL is the base address of the mock provider. Everything is made by the services, as an
administrator would make it.
"""

import secrets
import sys
from typing import Any
from uuid import uuid4

import django

MODEL = "bench"
STALLING_MODEL = "bench-stalling"


def main(base_url: str) -> None:
    """Make a team with a member, two models and a key."""
    django.setup()
    from accounts.services import create_api_key, create_user
    from catalog.models import LLM
    from catalog.services import create_model, create_provider
    from restai_site.lib.actor import Actor
    from teams.services import add_member, create_team, set_grants

    system = Actor.system("benchmark")
    account = {"name": "Mock", "kind": "openai_compatible", "base_url": base_url, "api_key": "sk"}
    provider = create_provider(account, actor=system)
    prices = {"input_price_per_million": 1, "output_price_per_million": 2}
    values = {"provider": provider, "context_window": 8192, **prices}
    names = {MODEL: "mock", STALLING_MODEL: "stall-mid-stream"}
    models = [
        create_model(LLM, {**values, "name": name, "litellm_model": there}, actor=system)
        for name, there in names.items()
    ]
    team = create_team(name="Bench", actor=system)
    set_grants(team, {"llms": models}, actor=system)
    password = secrets.token_urlsafe(32)
    user = create_user(email="bench@example.org", password=password, actor=system)
    add_member(team, user, actor=system)
    actor = Actor(user_id=user.pk, email=user.email, session_id=uuid4())
    _, key = create_api_key(user, name="bench", actor=actor)
    print(key)


def chat_world(base_url: str, *, model: str) -> tuple[Any, Any, str]:
    """Make a project with this model of the mock provider, somebody who uses it, and their key."""
    from accounts.services import create_api_key, create_user
    from catalog.models import LLM
    from catalog.services import create_model, create_provider
    from projects.services import create_project
    from restai_site.lib.actor import Actor
    from teams.services import add_member, create_team, set_grants

    system = Actor.system("benchmark")
    account = {"name": "Mock", "kind": "openai_compatible", "base_url": base_url, "api_key": "sk"}
    values = {"provider": create_provider(account, actor=system), "context_window": 8192}
    made = create_model(LLM, {**values, "name": "bench", "litellm_model": model}, actor=system)
    team = create_team(name="Bench", actor=system)
    set_grants(team, {"llms": [made]}, actor=system)
    shown = {"name": "Chat", "llm": made, "visibility": "team"}
    project = create_project(team, shown, actor=system)
    user = create_user(email="bench@example.org", password=secrets.token_urlsafe(32), actor=system)
    add_member(team, user, actor=system)
    actor = Actor(user_id=user.pk, email=user.email, session_id=uuid4())
    return project, user, create_api_key(user, name="bench", actor=actor)[1]


if __name__ == "__main__":
    main(sys.argv[1])
