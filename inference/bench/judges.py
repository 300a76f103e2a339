"""What stands on the bench: a guard project or a detector, as it is now."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from django.db.models import Q, QuerySet

from guards.detectors import detector
from guards.models import PlatformGuard
from guards.plans import INPUT, BoundGuard, judge_of
from projects.models import Project, PromptVersion
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden, Invalid

# A model that takes longer than this gives no judgement.
TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A guard that can be run, and what is kept of it with its runs."""

    guard: BoundGuard
    version: str
    project_id: int | None = None
    # The team whose project it is.
    team_id: int | None = None
    prompt: str = ""
    prompt_number: int | None = None
    model_name: str = ""
    configuration: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What people read."""
        return self.guard.name


def guards_for(team_id: int, actor: Actor) -> QuerySet[Project]:
    """Return the projects that a team may put on its bench: its own, and platform guards."""
    offered = PlatformGuard.objects.visible_to(actor).values("project_id")
    own = Project.objects.visible_to(actor).filter(team_id=team_id)
    return Project.objects.filter(Q(pk__in=own.values("pk")) | Q(pk__in=offered))


def of_project(project: Project, *, prompt_number: int | None = None) -> Candidate:
    """Return a guard project with its prompt, or with an earlier version of it.

    Raises Invalid for a model that may not be called, and for a version that there is not.
    """
    prompt, number = _prompt(project, prompt_number)
    return with_prompt(project, prompt, number)


def with_prompt(project: Project, prompt: str, number: int | None) -> Candidate:
    """Return a guard project with a prompt that a run has kept. Raises Invalid as `of_project`."""
    judge = replace(judge_of(project), prompt=prompt)
    guard = _bound(judge.name, guard_id=project.pk, judge=judge)
    return Candidate(
        guard=guard,
        version=judge.version,
        project_id=project.pk,
        team_id=project.team_id,
        prompt=prompt,
        prompt_number=number,
        model_name=judge.model_name,
    )


def of_detector(slug: str, configuration: Mapping[str, Any]) -> Candidate:
    """Return a detector with its settings. Raises NotFound, Invalid."""
    found = detector(slug)
    cleaned = found.cleaned(configuration)
    parts = orjson.dumps([slug, cleaned], option=orjson.OPT_SORT_KEYS)
    return Candidate(
        guard=_bound(found.title, detector=slug, configuration=cleaned),
        version=hashlib.sha256(parts).hexdigest(),
        configuration=cleaned,
    )


def require_may_choose(project: Project, prompt_number: int | None, actor: Actor) -> None:
    """Raise Forbidden for an earlier prompt of a project that the actor does not edit."""
    editable = Project.objects.editable_by(actor).filter(pk=project.pk)
    if prompt_number is not None and not editable.exists():
        raise Forbidden("Only editors of the guard may try another version of its prompt.")


def _bound(name: str, **values: Any) -> BoundGuard:
    return BoundGuard(
        binding_id=None,
        name=name,
        stages=frozenset({INPUT}),
        timeout_seconds=TIMEOUT_SECONDS,
        **values,
    )


def _prompt(project: Project, number: int | None) -> tuple[str, int | None]:
    versions = PromptVersion.objects.filter(project=project)
    if number is None:
        latest = versions.order_by("-number").first()
        is_in_use = latest is not None and latest.text == project.system_prompt
        return project.system_prompt, latest.number if latest and is_in_use else None
    chosen = versions.filter(number=number).first()
    if chosen is None:
        message = f"The prompt has no version {number}."
        raise Invalid(message, fields={"prompt_number": [message]})
    return chosen.text, chosen.number
