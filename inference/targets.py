"""What a call is aimed at: a project or a model, as one row of plain values.

These two queries stand on the path of every call, so they are compiled once for each kind of
credential (see `restai_site.lib.compiled`). Who may reach what is still said by `visible_to` alone.
"""

from decimal import Decimal
from functools import cache, partial
from typing import Any, NamedTuple

from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, Value
from django.db.models.fields import DecimalField

from catalog.adapters.types import Endpoint
from catalog.endpoints import endpoint_of
from catalog.models import LLM, AudioGenerator, EmbeddingModel, ImageGenerator
from catalog.querysets import granting_team
from guards.models import GuardBinding
from metering.models import Budget
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.compiled import CompiledQuery
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
    # Whether a budget may apply to the call; which one is asked of the budgets themselves.
    may_be_budgeted: bool
    # Whether a guard may stand before the call; `plan_for` finds out which.
    may_be_guarded: bool
    team_id: int | None
    # Of an image, or of a million characters spoken; nothing where tokens alone are paid.
    unit_price: Decimal = Decimal(0)

    def endpoint(self) -> Endpoint:
        """Return where and how the model is called. Reads settings: see `current`."""
        return endpoint_of(
            kind=self.provider_kind,
            model=self.model,
            base_url=self.base_url,
            api_key=self.api_key,
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
    requests_per_minute: int | None
    masks_logs: bool
    is_callable: bool
    model: ModelTarget

    @property
    def keeps_conversations(self) -> bool:
        return self.inference_logging == Project.InferenceLogging.FULL

    @property
    def team_id(self) -> int | None:
        return self.model.team_id


# What can be named as a model, and the price of it that is not one of tokens.
Callable = LLM | EmbeddingModel | ImageGenerator | AudioGenerator
UNIT_PRICES: dict[type[Callable], str] = {
    ImageGenerator: "price_per_image",
    AudioGenerator: "price_per_million_characters",
}
MODEL_FIELDS = ("name", "litellm_model", "input_price_per_million", "output_price_per_million")
PROVIDER_FIELDS = ("kind", "base_url", "api_key")
PROJECT_FIELDS = (
    *("pk", "system_prompt", "temperature", "top_p", "max_tokens"),
    *("llm__context_window", "inference_logging", "requests_per_minute", "masks_logs"),
)


def find_project(project_id: int, actor: Actor, *, is_held: bool = False) -> ProjectTarget | None:
    """Return the project if the actor may see it. One query.

    With `is_held`, which needs a transaction, no setting of the project changes before its end;
    calls that hold it do not wait for one another.
    """
    # Of a key's projects the query has to know only whether this is one: 0 is no project.
    own_limit = project_id if project_id in (actor.project_ids or ()) else 0
    row = _project_query(_Kind.of(actor), is_held).first(
        user_id=actor.user_id,
        project_id=project_id,
        limit_project_id=own_limit,
        limit_team_id=actor.team_id,
        **_payer(actor),
    )
    if row is None:
        return None
    own, rest = row[: len(PROJECT_FIELDS)], row[len(PROJECT_FIELDS) :]
    enabled, granted, *model = rest
    return ProjectTarget._make([*own, enabled and granted, ModelTarget(*model)])


def find_model(kind: type[Callable], name: str, actor: Actor) -> ModelTarget | None:
    """Return the model if it is enabled and granted to a team of the actor. One query."""
    row = _model_query(kind, _Kind.of(actor)).first(
        user_id=actor.user_id, name=name, limit_team_id=actor.team_id, **_payer(actor)
    )
    return None if row is None else ModelTarget(*row)


class _Kind(NamedTuple):
    """What of an actor decides the form of a query; all else are values, given at each call."""

    is_platform_admin: bool
    reaches_all: bool
    has_projects: bool
    has_team: bool

    @classmethod
    def of(cls, actor: Actor) -> "_Kind":
        return cls(
            actor.is_platform_admin,
            actor.reaches_all,
            actor.project_ids is not None,
            actor.team_id is not None,
        )

    @property
    def is_person(self) -> bool:
        """Whether it matters who it is: not to those who reach all."""
        return not (self.is_platform_admin or self.reaches_all)

    def values(self) -> dict[str, type[int]]:
        """Return the values of an actor of this kind that its query asks for."""
        asked = {
            "user_id": self.is_person,
            "limit_project_id": self.has_projects,
            "limit_team_id": self.has_team,
        }
        return {name: int for name, is_asked in asked.items() if is_asked}

    def actor(
        self,
        user_id: int | None = None,
        limit_project_id: int | None = None,
        limit_team_id: int | None = None,
    ) -> Actor:
        """Return an actor of this kind with these values and nothing else."""
        return Actor(
            user_id=user_id,
            email="",
            is_platform_admin=self.is_platform_admin,
            reaches_all=self.reaches_all,
            project_ids=None if limit_project_id is None else frozenset({limit_project_id}),
            team_id=limit_team_id,
        )


def _payer(actor: Actor) -> dict[str, int]:
    """Return whose own budgets a call counts to; 0 is nobody."""
    return {"payer_user_id": actor.own_id, "payer_key_id": actor.api_key_id or 0}


PAYER: dict[str, type[int]] = {"payer_user_id": int, "payer_key_id": int}


def _own_budgets(payer_user_id: int, payer_key_id: int) -> Q:
    return Q(user_id=payer_user_id) | Q(api_key_id=payer_key_id)


@cache
def _project_query(kind: _Kind, is_held: bool) -> CompiledQuery:
    locking = f'FOR SHARE OF "{Project._meta.db_table}"' if is_held else ""
    build = partial(_projects, kind)
    return CompiledQuery(build, locking=locking, project_id=int, **kind.values(), **PAYER)


@cache
def _model_query(model: type[Callable], kind: _Kind) -> CompiledQuery:
    # A platform administrator sees every model, but pays from a team of their own.
    payer: dict[str, type[int]] = {"user_id": int} if kind.is_platform_admin else {}
    build = partial(_models, model, kind)
    return CompiledQuery(build, locking="", name=str, **{**kind.values(), **payer, **PAYER})


def _projects(
    kind: _Kind, *, project_id: int, payer_user_id: int, payer_key_id: int, **values: int
) -> QuerySet[Any, Any]:
    actor = kind.actor(**values)
    grants = Team.llms.through.objects.filter(
        team_id=OuterRef("team_id"), llm_id=OuterRef("llm_id")
    )
    budgets = Budget.objects.filter(
        _own_budgets(payer_user_id, payer_key_id)
        | Q(team_id=OuterRef("team_id"))
        | Q(project_id=OuterRef("pk"))
    )
    guards = GuardBinding.objects.filter(
        Q(is_for_all=True) | Q(team_id=OuterRef("team_id")) | Q(project_id=OuterRef("pk"))
    )
    return (
        Project.objects.visible_to(actor)
        .filter(pk=project_id)
        .annotate(
            is_granted=Exists(grants),
            may_be_budgeted=Exists(budgets),
            may_be_guarded=Exists(guards),
        )
        .order_by()
        .values_list(
            *PROJECT_FIELDS,
            *("llm__enabled", "is_granted"),
            *(f"llm__{name}" for name in MODEL_FIELDS),
            *(f"llm__provider__{name}" for name in PROVIDER_FIELDS),
            *("may_be_budgeted", "may_be_guarded", "team_id"),
        )
    )


def _models(
    model: type[Callable],
    kind: _Kind,
    *,
    name: str,
    payer_user_id: int,
    payer_key_id: int,
    **values: int,
) -> QuerySet[Any, Any]:
    actor = kind.actor(**values)
    free = Value(Decimal(0), output_field=DecimalField())
    output_price = F("output_price_per_million") if model is LLM else free
    # Which team pays is only found by this query, so the budget of any team will do.
    budgets = Budget.objects.filter(
        _own_budgets(payer_user_id, payer_key_id) | Q(team__isnull=False)
    )
    visible: QuerySet[Any, Any] = model.objects.visible_to(actor)
    usable: QuerySet[Any, Any] = (
        visible.filter(name=name, enabled=True)
        # A caller in several teams with the same grant pays from the oldest of them.
        .annotate(
            paying_team_id=Min("teams", filter=granting_team(actor)),
            output_price=output_price,
            may_be_budgeted=Exists(budgets),
            may_be_guarded=Exists(GuardBinding.objects.filter(project__isnull=True)),
        )
        .order_by()
        .values_list(
            *("name", "litellm_model", "input_price_per_million", "output_price"),
            *(f"provider__{field}" for field in PROVIDER_FIELDS),
            *("may_be_budgeted", "may_be_guarded", "paying_team_id"),
            *([UNIT_PRICES[model]] if model in UNIT_PRICES else []),
        )
    )
    return usable
