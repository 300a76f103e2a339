"""Binding guards to projects, and making them mandatory for a team or for everybody."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from audit.services import changes_of, record
from guards.detectors import detector
from guards.eligibility import have_graph_alone, require_eligible
from guards.models import GuardBinding
from guards.plans import OUTPUT, REDACT
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from teams.models import Team

CHANGEABLE = frozenset(
    {
        *("name", "stage", "mode", "order", "timeout_ms", "on_failure", "is_speculative"),
        *("threshold", "configuration"),
    }
)
JUDGES = frozenset({"guard", "detector"})
PLACE = ("project_id", "team_id", "is_for_all")
MOST = 20
ONE_JUDGE = "Choose one guard: a project, or a detector."
NO_SPANS = "This detector marks no passages that could be masked: choose block or warn."
NOT_BESIDE = "Only input guards that block or warn can run beside the model."
FOR_ADMINISTRATORS = "Only platform administrators may let a guard fail open."
MANDATORY = "Only platform administrators change mandatory guards."
EDITORS = "Only editors of the project may change its guards."
TWICE = "This guard stands at this stage already: change that one."
TOO_MANY = f"At most {MOST} guards stand in one place; remove one first."
Place = Project | Team | None


@transaction.atomic
def add_binding(place: Place, values: Mapping[str, Any], *, actor: Actor) -> GuardBinding:
    """Bind a guard to a project, or make it mandatory for a team or (None) for everybody.

    `values` hold `guard` (Project) or `detector` (slug), and fields of CHANGEABLE. Raises
    Forbidden, Invalid naming the field, Conflict (the same guard at the same stage, too many).
    """
    have_graph_alone()
    _require_right(place, actor)
    _require_known(values, CHANGEABLE | JUDGES)
    guard, slug = values.get("guard"), values.get("detector", "")
    if (guard is None) == (not slug):
        raise Invalid(ONE_JUDGE, fields={"guard": [ONE_JUDGE]})
    if guard is not None:
        project = place if isinstance(place, Project) else None
        require_eligible(guard, project=project, team_id=_team_id(place), actor=actor)
    title = guard.name if guard is not None else detector(slug).title
    binding = GuardBinding(**_columns(place), name=title, created_by_id=actor.user_id)
    for name, value in values.items():
        if value is not None and not (name == "name" and not value):
            setattr(binding, name, value)
    _check(binding, set(values), actor)
    _require_room(binding)
    binding.save()
    changes = {name: getattr(binding, name) for name in sorted(set(values) & (CHANGEABLE | JUDGES))}
    record(actor, "guard.bind", binding, team_id=_team_id(place), changes=changes)
    return binding


@transaction.atomic
def update_binding(
    binding: GuardBinding, values: Mapping[str, Any], *, actor: Actor
) -> GuardBinding:
    """Change fields of CHANGEABLE; what judges stays. Raises as `add_binding`."""
    have_graph_alone()
    binding = _locked(binding, actor)
    _require_known(values, CHANGEABLE)
    changes = changes_of(binding, {name: value for name, value in values.items() if value != ""})
    for name in changes:
        setattr(binding, name, values[name])
    _check(binding, set(changes), actor)
    if "stage" in changes:
        _require_room(binding)
    if changes:
        binding.save(update_fields=[*changes, "updated_at"])
        record(actor, "guard.update", binding, team_id=_team_of(binding), changes=changes)
    return binding


@transaction.atomic
def remove_binding(binding: GuardBinding, *, actor: Actor) -> None:
    """Take a guard away; what it found stays. Raises Forbidden."""
    binding = _locked(binding, actor)
    changes = {"stage": binding.stage, "mode": binding.mode}
    record(actor, "guard.unbind", binding, team_id=_team_of(binding), changes=changes)
    binding.delete()


def _require_right(place: Place, actor: Actor) -> None:
    if not isinstance(place, Project):
        if not actor.is_platform_admin:
            raise Forbidden(MANDATORY)
    elif not Project.objects.editable_by(actor).filter(pk=place.pk).exists():
        raise Forbidden(EDITORS)


def _locked(binding: GuardBinding, actor: Actor) -> GuardBinding:
    found: GuardBinding = GuardBinding.objects.select_for_update().get(pk=binding.pk)
    if not GuardBinding.objects.editable_by(actor).filter(pk=found.pk).exists():
        raise Forbidden(MANDATORY if found.is_mandatory else EDITORS)
    return found


def _require_known(values: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := set(values) - known:
        raise Invalid(f"These fields cannot be set here: {', '.join(sorted(unknown))}.")


def _check(binding: GuardBinding, given: set[str], actor: Actor) -> None:
    """Raise Invalid or Forbidden for what does not go together."""
    opens = "on_failure" in given and binding.on_failure == GuardBinding.OnFailure.OPEN
    # Whoever may not open it may still close it, and change all else.
    if opens and not actor.is_platform_admin:
        raise Forbidden(FOR_ADMINISTRATORS)
    if binding.detector:
        judge = detector(binding.detector)
        binding.configuration = judge.cleaned(binding.configuration)
        if binding.mode == REDACT and not judge.finds_spans:
            raise Invalid(NO_SPANS, fields={"mode": [NO_SPANS]})
    elif binding.configuration:
        raise Invalid("Only detectors have settings.", fields={"configuration": ["Leave it out."]})
    if binding.is_speculative and (binding.stage == OUTPUT or binding.mode == REDACT):
        raise Invalid(NOT_BESIDE, fields={"is_speculative": [NOT_BESIDE]})
    try:
        binding.clean_fields(exclude=["guard", "project", "team", "created_by", "configuration"])
    except ValidationError as error:
        raise Invalid("Correct the marked fields.", fields=error.message_dict) from None


def _require_room(binding: GuardBinding) -> None:
    place: dict[str, Any] = {name: getattr(binding, name) for name in PLACE}
    others = GuardBinding.objects.filter(**place).exclude(pk=binding.pk)
    if binding._state.adding and others.count() >= MOST:
        raise Conflict(TOO_MANY)
    stages = {binding.stage, GuardBinding.Stage.BOTH}
    if binding.stage == GuardBinding.Stage.BOTH:
        stages |= set(GuardBinding.Stage.values)
    judge: dict[str, Any] = {"detector": binding.detector, "guard_id": binding.guard_id}
    same = others.filter(stage__in=stages, **judge)
    # A detector may stand twice with other settings, a project says the same each time.
    twice = same if binding.guard_id else same.filter(configuration=binding.configuration)
    if twice.exists():
        raise Conflict(TWICE, fields={"stage": [TWICE]})


def _columns(place: Place) -> dict[str, Any]:
    if isinstance(place, Project):
        return {"project": place}
    return {"is_for_all": True} if place is None else {"team": place}


def _team_id(place: Place) -> int | None:
    if isinstance(place, Project):
        return place.team_id
    return None if place is None else place.pk


def _team_of(binding: GuardBinding) -> int | None:
    return binding.project.team_id if binding.project is not None else binding.team_id
