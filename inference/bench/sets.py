"""What can be done to labelled sets."""

from collections.abc import Mapping
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from audit.services import changes_of, record
from guards.bench_querysets import bench_teams
from guards.case_files import cases_in
from guards.models import GuardCase, GuardSet
from projects.services.rules import require_known
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from teams.models import Team

SETS_PER_TEAM = 100
NAME_TAKEN = "The team already has a set of this name."
NOT_YOURS = "Only those who edit a project of the team, or run it, may do this."
SHIPPED = "A set that came with the platform stays as it is."
FIELDS = frozenset({"name", "description"})
UNWRITTEN = {field.name for field in GuardSet._meta.fields} - FIELDS


def create_set(
    team: Team, *, name: str, file: BinaryIO, form: str, description: str = "", actor: Actor
) -> GuardSet:
    """Keep the labelled texts of a file, which is of the form CSV or JSONL.

    Raises Forbidden, Invalid (name, file), TooLarge, Conflict (name taken, SETS_PER_TEAM reached).
    """
    require_bench(team, actor)
    cases = cases_in(file, form)
    with transaction.atomic():
        # One after the other, so that none is counted twice.
        team = Team.objects.select_for_update().get(pk=team.pk)
        require_bench(team, actor)
        if team.guard_sets.count() >= SETS_PER_TEAM:
            message = f"A team has {SETS_PER_TEAM} sets at most; delete one first."
            raise Conflict(message, code="too_many_sets")
        made = GuardSet(team=team, name=name, description=description, owner_id=actor.user_id)
        _save(made)
        GuardCase.objects.bulk_create(
            GuardCase(
                set=made,
                position=position,
                text=case.text,
                expected=case.expected,
                category=case.category,
            )
            for position, case in enumerate(cases, start=1)
        )
        shown = {"name": name, "description": description, "texts": len(cases)}
        record(actor, "guard_set.create", made, team_id=team.pk, changes=shown)
    return made


@transaction.atomic
def update_set(chosen: GuardSet, values: Mapping[str, Any], *, actor: Actor) -> GuardSet:
    """Change the name or the description of a set. Raises Forbidden, Invalid, Conflict."""
    require_known(values, FIELDS)
    chosen = _locked(chosen, actor)
    changes = changes_of(chosen, values)
    if not changes:
        return chosen
    for name in changes:
        setattr(chosen, name, values[name])
    _save(chosen)
    record(actor, "guard_set.update", chosen, team_id=chosen.team_id, changes=changes)
    return chosen


@transaction.atomic
def delete_set(chosen: GuardSet, *, actor: Actor) -> None:
    """Delete a set, and with it every run over it. Raises Forbidden."""
    chosen = _locked(chosen, actor)
    shown = {"runs": chosen.runs.count()}
    record(actor, "guard_set.delete", chosen, team_id=chosen.team_id, changes=shown)
    chosen.delete()


def require_bench(team: Team, actor: Actor) -> None:
    """Raise Forbidden unless the actor works on the team's bench."""
    if not bench_teams(actor).filter(pk=team.pk).exists():
        raise Forbidden(NOT_YOURS)


def _locked(chosen: GuardSet, actor: Actor) -> GuardSet:
    locked = GuardSet.objects.select_for_update(of=("self",)).get(pk=chosen.pk)
    if locked.is_shipped:
        raise Forbidden(SHIPPED)
    if not GuardSet.objects.editable_by(actor).filter(pk=locked.pk).exists():
        raise Forbidden(NOT_YOURS)
    return locked


def _save(chosen: GuardSet) -> None:
    try:
        # Uniqueness is left to the database, which knows of others who write now.
        chosen.clean_fields(exclude=UNWRITTEN)
    except ValidationError as error:
        raise Invalid("Correct the set.", fields=error.message_dict) from None
    if not (chosen.name + chosen.description).isprintable():
        raise Invalid("Write the name and the description on one line each.")
    try:
        with transaction.atomic():
            chosen.save()
    except IntegrityError:
        raise Conflict(NAME_TAKEN, fields={"name": [NAME_TAKEN]}) from None
