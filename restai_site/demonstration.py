"""What the first start makes, so that the first page after set-up is a chat that answers."""

from django.conf import settings
from django.db import transaction

from catalog.models import LLM, ProviderAccount
from catalog.services import create_model, create_provider, update_provider
from projects.models import Project
from projects.services import create_project
from restai_site.lib.actor import Actor
from teams.models import Team
from teams.services import create_team, set_grants

PROVIDER_NAME = "Embedded model"
TEAM_NAME = "Demonstration"
PROJECT_NAME = "First steps"
# The context that the embedded server is started with, in tokens.
CONTEXT_WINDOW = 2048
ANSWER_TOKENS = 400
SYSTEM_PROMPT = (
    "You are a helpful assistant. Answer in a few short, plain sentences. "
    "Say so when you do not know something."
)


@transaction.atomic
def ensure_demonstration(*, actor: Actor) -> Project | None:
    """Make the demonstration on the first start; later keep the model's address up to date.

    Returns the project when it was made now. Does nothing where no embedded model runs, and
    nothing to a catalog that somebody has already begun.
    """
    if not settings.EMBEDDED_MODEL_URL:
        return None
    provider = ProviderAccount.objects.filter(name=PROVIDER_NAME).first()
    if provider is not None:
        _follow(provider, actor)
        return None
    if ProviderAccount.objects.exists() or Team.objects.exists():
        return None
    return _make(actor)


def _follow(provider: ProviderAccount, actor: Actor) -> None:
    wanted = {"base_url": settings.EMBEDDED_MODEL_URL, "api_key": settings.EMBEDDED_MODEL_KEY}
    update_provider(provider, wanted, actor=actor)


def _make(actor: Actor) -> Project:
    provider = create_provider(
        {
            "name": PROVIDER_NAME,
            "kind": ProviderAccount.Kind.OPENAI_COMPATIBLE,
            "base_url": settings.EMBEDDED_MODEL_URL,
            "api_key": settings.EMBEDDED_MODEL_KEY,
        },
        actor=actor,
    )
    llm = create_model(
        LLM,
        {
            "name": settings.EMBEDDED_MODEL_NAME,
            "provider": provider,
            "litellm_model": settings.EMBEDDED_MODEL_NAME,
            "context_window": CONTEXT_WINDOW,
        },
        actor=actor,
    )
    team = create_team(name=TEAM_NAME, actor=actor)
    set_grants(team, {"llms": [llm]}, actor=actor)
    values = {
        "name": PROJECT_NAME,
        "description": "A small model that runs on this machine. No key, nothing leaves the house.",
        "llm": llm,
        "system_prompt": SYSTEM_PROMPT,
        "temperature": 0.2,
        "max_tokens": ANSWER_TOKENS,
        "visibility": Project.Visibility.TEAM,
    }
    return create_project(team, values, actor=actor)
