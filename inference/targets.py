"""What a call is aimed at: a project or a model, as one row of plain values.

These two queries stand on the path of every call, so they are compiled once (see
`restai_site.lib.compiled`). Who may reach what is still said by `visible_to` alone.
"""

from decimal import Decimal
from functools import cache, partial
from typing import Any, NamedTuple

from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, Value
from django.db.models.fields import DecimalField

from catalog.adapters.types import Endpoint
from catalog.models import LLM, EmbeddingModel
from catalog.sections import ModelsSection
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.compiled import CompiledQuery
from restai_site.lib.configuration import current
from teams.models import Team


class ModelTarget(NamedTuple):
    """A model that the caller may use, and the team that pays for it."""

    name: str
    model: str
    input_price_per_million: Decimal
    output_price_per_million: Decimal
    provider_kind: str
    base_url: str
    api_key: str
    team_id: int | None

    def endpoint(self) -> Endpoint:
        """Return where and how the model is called. Reads settings: see `current`."""
        patience = current(ModelsSection)
        return Endpoint(
            kind=self.provider_kind,
            model=self.model,
            base_url=self.base_url,
            api_key=self.api_key,
            connect_seconds=patience.connect_seconds,
            idle_seconds=patience.idle_seconds,
            timeout_seconds=patience.total_seconds,
        )


class ProjectTarget(NamedTuple):
    """A project that the caller may use, with its model."""

    id: int
    system_prompt: str
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    context_window: int
    inference_logging: str
    is_callable: bool
    model: ModelTarget

    @property
    def keeps_conversations(self) -> bool:
        return self.inference_logging == Project.InferenceLogging.FULL

    @property
    def team_id(self) -> int | None:
        return self.model.team_id


MODEL_FIELDS = ("name", "litellm_model", "input_price_per_million", "output_price_per_million")
PROVIDER_FIELDS = ("kind", "base_url", "api_key")
PROJECT_FIELDS = (
    *("pk", "system_prompt", "temperature", "top_p", "max_tokens"),
    *("llm__context_window", "inference_logging"),
)


def find_project(project_id: int, actor: Actor, *, is_held: bool = False) -> ProjectTarget | None:
    """Return the project if the actor may see it. One query.

    With `is_held`, which needs a transaction, no setting of the project changes before its end;
    calls that hold it do not wait for one another.
    """
    query = _project_query(actor.is_platform_admin, is_held)
    row = query.first(user_id=actor.user_id, project_id=project_id)
    if row is None:
        return None
    own, rest = row[: len(PROJECT_FIELDS)], row[len(PROJECT_FIELDS) :]
    enabled, granted, *model = rest
    return ProjectTarget._make([*own, enabled and granted, ModelTarget(*model)])


def find_model(
    kind: type[LLM] | type[EmbeddingModel], name: str, actor: Actor
) -> ModelTarget | None:
    """Return the model if it is enabled and granted to a team of the actor. One query."""
    query = _model_query(kind, actor.is_platform_admin)
    row = query.first(user_id=actor.user_id, name=name)
    return None if row is None else ModelTarget(*row)


@cache
def _project_query(is_platform_admin: bool, is_held: bool) -> CompiledQuery:
    build = partial(_projects, is_platform_admin)
    locking = f'FOR SHARE OF "{Project._meta.db_table}"' if is_held else ""
    values = _actor_value(is_platform_admin)
    return CompiledQuery(build, locking=locking, project_id=int, **values)


@cache
def _model_query(kind: type[LLM] | type[EmbeddingModel], is_platform_admin: bool) -> CompiledQuery:
    return CompiledQuery(partial(_models, kind, is_platform_admin), user_id=int, name=str)


def _actor_value(is_platform_admin: bool) -> dict[str, type[int]]:
    # A platform administrator sees every project, so the query does not ask who it is.
    return {} if is_platform_admin else {"user_id": int}


def _projects(
    is_platform_admin: bool, *, project_id: int, user_id: int | None = None
) -> QuerySet[Any, Any]:
    actor = Actor(user_id=user_id, email="", is_platform_admin=is_platform_admin)
    grants = Team.llms.through.objects.filter(
        team_id=OuterRef("team_id"), llm_id=OuterRef("llm_id")
    )
    return (
        Project.objects.visible_to(actor)
        .filter(pk=project_id)
        .annotate(is_granted=Exists(grants))
        .order_by()
        .values_list(
            *PROJECT_FIELDS,
            *("llm__enabled", "is_granted"),
            *(f"llm__{name}" for name in MODEL_FIELDS),
            *(f"llm__provider__{name}" for name in PROVIDER_FIELDS),
            "team_id",
        )
    )


def _models(
    kind: type[LLM] | type[EmbeddingModel], is_platform_admin: bool, *, user_id: int, name: str
) -> QuerySet[Any, Any]:
    actor = Actor(user_id=user_id, email="", is_platform_admin=is_platform_admin)
    mine = Q(teams__memberships__user_id=user_id)
    free = Value(Decimal(0), output_field=DecimalField())
    output_price = F("output_price_per_million") if kind is LLM else free
    visible: QuerySet[Any, Any] = kind.objects.visible_to(actor)
    usable: QuerySet[Any, Any] = (
        visible.filter(name=name, enabled=True)
        # A caller in several teams with the same grant pays from the oldest of them.
        .annotate(paying_team_id=Min("teams", filter=mine), output_price=output_price)
        .order_by()
        .values_list(
            *("name", "litellm_model", "input_price_per_million", "output_price"),
            *(f"provider__{field}" for field in PROVIDER_FIELDS),
            "paying_team_id",
        )
    )
    return usable
