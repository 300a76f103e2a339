"""The cast of the tests, written into the tables at once.

Thousands of tests begin with it, and the services take ten times as long. `test_quick_world.py`
holds each row against what the services write. The trail says nothing of how this cast came to be.
"""

from django.utils import timezone

from accounts.models import User
from catalog.models import LLM, EmbeddingModel, ProviderAccount
from projects.models import Project, ProjectMember, PromptVersion
from restai_site.tests.canaries import canary
from restai_site.tests.world import BASE_URL, PEOPLE, PROMPT, World, user_named
from teams.models import Membership, Team


def make_quick_world(base_url: str = BASE_URL) -> World:
    """Return the cast that `make_world` makes."""
    named = {name: user_named(name) for name in PEOPLE}
    named["platform_admin"] = user_named("platform_admin", is_platform_admin=True)
    User.objects.bulk_create(named.values())
    catalog = _catalog(base_url)
    teams = [Team(name=name, slug=name.lower(), time_zone="UTC") for name in ("Alpha", "Beta")]
    alpha, beta = Team.objects.bulk_create(teams)
    _grant(alpha, beta, catalog)
    _join(alpha, beta, named)
    projects = _projects(alpha, beta, catalog)
    ProjectMember.objects.bulk_create(
        ProjectMember(project=projects["project"], user=named[role], role=role)
        for role in ("editor", "viewer")
    )
    return World(**named, **catalog, alpha=alpha, beta=beta, **projects)


def _catalog(base_url: str) -> dict:
    provider = ProviderAccount.objects.create(
        name="Test",
        kind="openai_compatible",
        base_url=base_url,
        api_key=canary("provider key"),
        api_key_set_at=timezone.now(),
    )
    of_provider = {"provider": provider, "litellm_model": "mock"}
    prices = {"input_price_per_million": 1, "output_price_per_million": 2}
    models = [
        LLM(name="alpha-llm", **of_provider, **prices),
        LLM(name="beta-llm", **of_provider),
    ]
    llm, other_llm = LLM.objects.bulk_create(models)
    embedding = EmbeddingModel.objects.create(name="alpha-embedding", **of_provider)
    return {
        "provider": provider,
        "llm": llm,
        "other_llm": other_llm,
        "embedding_model": embedding,
    }


def _grant(alpha: Team, beta: Team, catalog: dict) -> None:
    llms, models = Team.llms.through, Team.embedding_models.through
    llms.objects.bulk_create(
        [llms(team=alpha, llm=catalog["llm"]), llms(team=beta, llm=catalog["other_llm"])]
    )
    models.objects.create(team=alpha, embeddingmodel=catalog["embedding_model"])


def _join(alpha: Team, beta: Team, named: dict[str, User]) -> None:
    roles = {
        alpha: {"team_admin": "admin", "editor": "member", "viewer": "member", "member": "member"},
        beta: {"outsider": "member", "outsider_admin": "admin"},
    }
    Membership.objects.bulk_create(
        Membership(team=team, user=named[name], role=role)
        for team, people in roles.items()
        for name, role in people.items()
    )


def _projects(alpha: Team, beta: Team, catalog: dict) -> dict:
    llm, other_llm = catalog["llm"], catalog["other_llm"]
    made = {
        "project": Project(team=alpha, name="Private", llm=llm, system_prompt=PROMPT),
        "shared_project": Project(team=alpha, name="Shared", llm=llm, visibility="team"),
        "other_project": Project(team=beta, name="Other", llm=other_llm),
    }
    Project.objects.bulk_create(made.values())
    PromptVersion.objects.bulk_create(
        PromptVersion(project=one, number=1, text=one.system_prompt, note="First version")
        for one in made.values()
    )
    return made
