"""Which guards a call has to pass, as plain values, loaded in one query."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Value

from catalog.adapters.types import Endpoint
from catalog.endpoints import endpoint_of
from guards.detectors import detectors
from guards.models import GuardBinding, GuardSettings, PlatformGuard
from guards.models.bindings import CENSORSHIP_MESSAGE
from projects.models import Project
from restai_site.lib.errors import Invalid
from teams.models import Team

INPUT, OUTPUT = "input", "output"
BLOCK, WARN, REDACT = "block", "warn", "redact"
# Words for what keeps a guard from judging; they stand in `GuardEvent.failure`.
GONE, NOT_GRANTED, MISCONFIGURED = "guard_deleted", "guard_not_granted", "guard_misconfigured"
JUDGE_FIELDS = (
    *("guard__name", "guard__system_prompt", "guard__llm__name", "guard__llm__context_window"),
    *("guard__llm__input_price_per_million", "guard__llm__output_price_per_million"),
    *("guard__llm__capabilities", "guard__llm__litellm_model", "guard__llm__provider__kind"),
    *("guard__llm__provider__base_url", "guard__llm__provider__api_key"),
)


@dataclass(frozen=True, slots=True)
class Judge:
    """A guard project with its model."""

    project_id: int
    name: str
    prompt: str
    model_name: str
    context_window: int
    input_price_per_million: Decimal
    output_price_per_million: Decimal
    capabilities: tuple[str, ...]
    endpoint: Endpoint

    @property
    def version(self) -> str:
        """A digest of everything that a verdict depends on, beside the text."""
        called = self.endpoint
        parts = [self.prompt, self.model_name, called.kind, called.model, called.base_url]
        parts += self.capabilities
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundGuard:
    """A guard at its place. `trouble` is why it cannot judge, or nothing."""

    binding_id: int | None
    guard_id: int | None = None
    name: str
    stages: frozenset[str]
    mode: str = BLOCK
    order: int = 1
    timeout_seconds: float = 10
    fails_open: bool = False
    is_speculative: bool = False
    threshold: float = 0
    detector: str = ""
    configuration: dict[str, Any] = field(default_factory=dict)
    judge: Judge | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The guards of a call, in order, and what stands in place of what they block."""

    guards: tuple[BoundGuard, ...] = ()
    message: str = CENSORSHIP_MESSAGE

    def of(self, stage: str, *, speculative: bool | None = False) -> tuple[BoundGuard, ...]:
        """Return the guards of a stage; of input guards those beside the model, or the others.

        With None, both.
        """
        return tuple(
            guard
            for guard in self.guards
            if stage in guard.stages
            and (stage == OUTPUT or speculative is None or guard.is_speculative == speculative)
        )


def plan_for(project_id: int | None, team_id: int | None) -> Plan:
    """Return what stands before a call of a project, or of a model by name. One query."""
    own = GuardSettings.objects.filter(project_id=Value(project_id))
    bindings = GuardBinding.objects.applying_to(project_id, team_id)
    rows = list(_rows(bindings.annotate(message=Subquery(own.values("censorship_message")))))
    own_message = rows[0]["message"] if rows else ""
    return Plan(tuple(_bound(row, team_id) for row in rows), own_message or CENSORSHIP_MESSAGE)


def judge_of(project: Project) -> Judge:
    """Return a project as a judge by itself. Raises Invalid where its model may not be called."""
    rows = Project.objects.filter(pk=project.pk, llm__enabled=True).filter(Exists(_grants("pk")))
    fields = [name.removeprefix("guard__") for name in JUDGE_FIELDS]
    row = rows.values_list(*fields).first()
    if row is None:
        raise Invalid("The model of the guard is switched off or not granted to its team.")
    return _judge(project.pk, row)


def _rows(bindings: QuerySet[GuardBinding]) -> Iterable[dict[str, Any]]:
    offered = PlatformGuard.objects.filter(project_id=OuterRef("guard_id"))
    rows: Iterable[dict[str, Any]] = (
        bindings.annotate(is_granted=Exists(_grants("guard_id")), is_offered=Exists(offered))
        .order_by("order", "id")
        .values(
            *("pk", "guard_id", "guard__team_id", "name", "stage", "mode", "order", "timeout_ms"),
            *("on_failure", "is_speculative", "threshold", "detector", "configuration"),
            *("guard__llm__enabled", "is_granted", "is_offered", "project_id", "message"),
            *JUDGE_FIELDS,
        )
    )
    return rows


def _grants(project: str) -> QuerySet[Any]:
    """Return the grants of a guard's model to the guard's own team."""
    guards = Project.objects.filter(pk=OuterRef(OuterRef(project)))
    return Team.llms.through.objects.filter(
        team_id__in=guards.values("team_id"), llm_id__in=guards.values("llm_id")
    )


def _bound(row: dict[str, Any], team_id: int | None) -> BoundGuard:
    trouble = _trouble(row, team_id)
    stage = row["stage"]
    return BoundGuard(
        binding_id=row["pk"],
        guard_id=row["guard_id"],
        name=row["name"],
        stages=frozenset({INPUT, OUTPUT} if stage == GuardBinding.Stage.BOTH else {stage}),
        mode=row["mode"],
        order=row["order"],
        timeout_seconds=row["timeout_ms"] / 1000,
        fails_open=row["on_failure"] == GuardBinding.OnFailure.OPEN,
        is_speculative=row["is_speculative"] and row["mode"] != REDACT,
        threshold=row["threshold"],
        detector=row["detector"],
        configuration=row["configuration"],
        judge=None
        if row["detector"] or trouble
        else _judge(row["guard_id"], [row[name] for name in JUDGE_FIELDS]),
        trouble=trouble,
    )


def _trouble(row: dict[str, Any], team_id: int | None) -> str:
    """Return why the guard may not judge: what was right when it was bound need not be so now."""
    if row["detector"]:
        found = {one.slug: one for one in detectors()}.get(row["detector"])
        masks = row["mode"] != REDACT or (found is not None and found.finds_spans)
        return "" if found is not None and masks else MISCONFIGURED
    if row["guard_id"] is None:
        return GONE
    is_own = row["guard__team_id"] == team_id and row["guard_id"] != row["project_id"]
    if not (row["is_offered"] or is_own):
        return NOT_GRANTED
    return "" if row["guard__llm__enabled"] and row["is_granted"] else NOT_GRANTED


def _judge(project_id: int, row: Any) -> Judge:
    name, prompt, model_name, window, input_price, output_price, capabilities, *provider = row
    model, kind, base_url, api_key = provider
    return Judge(
        project_id=project_id,
        name=name,
        prompt=prompt,
        model_name=model_name,
        context_window=window,
        input_price_per_million=input_price,
        output_price_per_million=output_price,
        capabilities=tuple(capabilities),
        endpoint=endpoint_of(kind=kind, model=model, base_url=base_url, api_key=api_key),
    )
