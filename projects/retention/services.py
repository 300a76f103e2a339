"""Setting the periods of teams and projects, and having what is over removed."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit.services import record
from projects.models import Project
from projects.retention.kinds import Kind, kinds
from projects.retention.models import RetentionRule
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.errors import Forbidden, Invalid
from teams.models import Team

DAYS_MAX = 36_500
Owner = Team | Project
FOR_TEAM_ADMINS = "Only admins of the team may change for how long it keeps data."
FOR_ADMINS = "Only platform administrators may have data removed that is over."


def kinds_by_project() -> list[Kind]:
    """Return the kinds for which teams and projects may have periods of their own."""
    return [kind for kind in kinds() if kind.by_project]


def rules_of(owner: Owner) -> dict[str, int]:
    """Return the days by kind that a team or a project has set."""
    found = RetentionRule.objects.filter(**_is(owner))
    return dict(found.order_by("kind").values_list("kind", "days"))


def applying_to(owner: Owner) -> dict[str, int]:
    """Return the days by kind that hold for a team or a project in the end; 0: without an end."""
    owners: list[Owner] = [owner] if isinstance(owner, Team) else [owner.team, owner]
    set_by = [rules_of(one) for one in owners]
    found = {}
    for kind in kinds_by_project():
        given = [kind.days, *(rules.get(kind.slug, 0) for rules in set_by)]
        found[kind.slug] = min((days for days in given if days), default=0)
    return found


@transaction.atomic
def set_rules(owner: Owner, values: Mapping[str, int | None], *, actor: Actor) -> dict[str, int]:
    """Set the days by kind of a team or a project; None: no period of its own.

    Kinds that are not named stay as they are. Raises Forbidden, Invalid (an unknown kind, or more
    days than hold already).
    """
    locked = type(owner).objects.select_for_update().get(pk=owner.pk)
    if not may_set(locked, actor):
        raise Forbidden(FOR_TEAM_ADMINS)
    _check(locked, values)
    before = rules_of(locked)
    changes = {}
    for kind, days in values.items():
        if before.get(kind) == days:
            continue
        changes[kind] = {"before": before.get(kind), "after": days}
        if days is None:
            RetentionRule.objects.filter(kind=kind, **_is(locked)).delete()
        else:
            RetentionRule.objects.update_or_create(
                kind=kind, **_is(locked), defaults={"days": days}
            )
    if changes:
        name = "team.retention" if isinstance(locked, Team) else "project.retention"
        record(actor, name, locked, team_id=_team_id(locked), changes=changes)
    return rules_of(locked)


@transaction.atomic
def ask_for_purge(*, actor: Actor) -> None:
    """Have everything removed that is over, in the background; audited. Raises Forbidden."""
    if not actor.is_platform_admin:
        raise Forbidden(FOR_ADMINS)
    record(actor, "retention.ask", RetentionRule, name="Retention")
    # The tasks import this module's neighbours.
    from projects.tasks import purge_now

    enqueue(purge_now, actor.email or actor.credential)


def _is(owner: Owner) -> dict[str, Any]:
    return {"team" if isinstance(owner, Team) else "project": owner}


def _team_id(owner: Owner) -> int:
    return owner.pk if isinstance(owner, Team) else owner.team_id


def may_set(owner: Owner, actor: Actor) -> bool:
    """Tell whether the actor runs the team, or manages the project."""
    if isinstance(owner, Team):
        return Team.objects.editable_by(actor).filter(pk=owner.pk).exists()
    return Project.objects.managed_by(actor).filter(pk=owner.pk).exists()


def _check(owner: Owner, values: Mapping[str, int | None]) -> None:
    """Raise Invalid, naming the fields."""
    known = {kind.slug: kind for kind in kinds_by_project()}
    above = applying_to(owner.team) if isinstance(owner, Project) else {}
    told: dict[str, list[str]] = {}
    for name, days in values.items():
        if name not in known:
            told[name[:40]] = ["There is no such kind of data with a period of its own."]
            continue
        most = above.get(name, known[name].days) or DAYS_MAX
        if days is not None and not 1 <= days <= most:
            told[name] = [f"Choose from 1 to {most:,} days: no more than hold anyway."]
    if told:
        raise Invalid("Some periods cannot be set.", fields=told)
