"""The cast of the tests: two teams, and one person for each role."""

from dataclasses import dataclass, fields
from uuid import uuid4

from accounts.models import ApiKey, User
from accounts.services import create_api_key
from catalog.models import LLM, EmbeddingModel, ProviderAccount
from catalog.services import create_model, create_provider
from projects.models import Project
from projects.services import add_project_member, create_project
from restai_site.lib.actor import Actor
from restai_site.tests.canaries import canary, watch
from teams.models import Team
from teams.services import add_member, create_team, set_grants

SYSTEM = Actor.system("tests")
BASE_URL = "http://127.0.0.1:9/v1"
PEOPLE = ("team_admin", "editor", "viewer", "member", "outsider", "outsider_admin")
PROMPT = "You are Alpha."


@dataclass
class World:
    """Alpha is the team under test; Beta is everybody else's."""

    platform_admin: User
    team_admin: User
    editor: User  # of alpha's project
    viewer: User  # of alpha's project
    member: User  # of team alpha, not assigned to its project
    outsider: User  # member of beta
    outsider_admin: User  # admin of beta
    alpha: Team
    beta: Team
    provider: ProviderAccount
    llm: LLM  # granted to alpha
    other_llm: LLM  # granted to beta
    embedding_model: EmbeddingModel  # granted to alpha
    project: Project  # of alpha, for its members only
    shared_project: Project  # of alpha, visible to the whole team
    other_project: Project  # of beta

    def users(self) -> dict[str, User]:
        """Return the people by role."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, User)}


def make_user(name: str, **values: object) -> User:
    """Return a user without a password: tests sign in with `force_login`."""
    user = user_named(name, **values)
    user.save()
    return user


def user_named(name: str, **values: object) -> User:
    """Return the same, not saved."""
    user = User(email=f"{name.replace('_', '-')}@example.org", name=name.title(), **values)
    user.set_unusable_password()
    return user


def acting(user: User, **values: object) -> Actor:
    """Return `user` as the actor of a session of their own."""
    role = {"is_platform_admin": user.is_platform_admin, "is_restricted": user.is_restricted}
    return Actor(user_id=user.pk, email=user.email, **{"session_id": uuid4(), **role, **values})


def make_key(user: User, name: str = "test", **limits: object) -> tuple[ApiKey, str]:
    """Return an API key of `user` and its plaintext; `limits` are those of the service."""
    key, plaintext = create_api_key(user, name=name, actor=acting(user), **limits)
    return key, watch(f"API key {key.pk}", plaintext)


def make_world(base_url: str = BASE_URL) -> World:
    """Build the cast with the services themselves; `base_url` is where the models are called."""
    people = {name: make_user(name) for name in PEOPLE}
    people["platform_admin"] = make_user("platform_admin", is_platform_admin=True)
    catalog = _make_catalog(base_url)
    alpha, beta = (create_team(name=name, actor=SYSTEM) for name in ("Alpha", "Beta"))
    set_grants(
        alpha,
        {"llms": [catalog["llm"]], "embedding_models": [catalog["embedding_model"]]},
        actor=SYSTEM,
    )
    set_grants(beta, {"llms": [catalog["other_llm"]]}, actor=SYSTEM)
    for name in ("team_admin", "editor", "viewer", "member"):
        role = "admin" if name == "team_admin" else "member"
        add_member(alpha, people[name], role=role, actor=SYSTEM)
    add_member(beta, people["outsider"], actor=SYSTEM)
    add_member(beta, people["outsider_admin"], role="admin", actor=SYSTEM)
    projects = _make_projects(alpha, beta, catalog["llm"], catalog["other_llm"])
    for name in ("editor", "viewer"):
        add_project_member(projects["project"], people[name], role=name, actor=SYSTEM)
    return World(**people, **catalog, alpha=alpha, beta=beta, **projects)


def _make_catalog(base_url: str) -> dict:
    provider = create_provider(
        {
            "name": "Test",
            "kind": "openai_compatible",
            "base_url": base_url,
            "api_key": canary("provider key"),
        },
        actor=SYSTEM,
    )
    values = {"provider": provider, "litellm_model": "mock"}
    prices = {"input_price_per_million": 1, "output_price_per_million": 2}
    return {
        "provider": provider,
        "llm": create_model(LLM, {"name": "alpha-llm", **values, **prices}, actor=SYSTEM),
        "other_llm": create_model(LLM, {"name": "beta-llm", **values}, actor=SYSTEM),
        "embedding_model": create_model(
            EmbeddingModel, {"name": "alpha-embedding", **values}, actor=SYSTEM
        ),
    }


def _make_projects(alpha: Team, beta: Team, llm: LLM, other_llm: LLM) -> dict:
    wanted = {
        "project": (alpha, {"name": "Private", "llm": llm, "system_prompt": PROMPT}),
        "shared_project": (alpha, {"name": "Shared", "llm": llm, "visibility": "team"}),
        "other_project": (beta, {"name": "Other", "llm": other_llm}),
    }
    return {
        name: create_project(team, values, actor=SYSTEM) for name, (team, values) in wanted.items()
    }
