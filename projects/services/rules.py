"""What the services of projects ask before they write."""

from collections.abc import Mapping
from typing import Any

from catalog.models import LLM
from projects.models import Project, ProjectMember
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from teams.invitations import locked_team_of
from teams.models import Team


def require_grant(team: Team, llm: LLM) -> None:
    """Raise Invalid unless `llm` is enabled and granted to `team`."""
    if not team.llms.filter(pk=llm.pk, enabled=True).exists():
        message = "This model is not granted to the team."
        raise Invalid(message, code="model_not_granted", fields={"llm": [message]})


def locked_project(project: Project, actor: Actor) -> Project:
    locked: Project = Project.objects.select_for_update().get(pk=project.pk)
    if not Project.objects.editable_by(actor).filter(pk=project.pk).exists():
        raise Forbidden("Only editors of the project may do this.")
    return locked


def locked_with_team(project: Project, actor: Actor) -> Project:
    """Lock the project's team, then the project: whoever leaves the team waits, or comes first.

    Raises Forbidden, Conflict for a project that is being moved.
    """
    team_id = project.team_id
    locked_team_of(team_id)
    locked = locked_project(project, actor)
    if locked.team_id != team_id:
        raise Conflict("The project has been moved a moment ago; look where it is now.")
    return locked


def require_managed(project: Project, actor: Actor) -> None:
    if not Project.objects.managed_by(actor).filter(pk=project.pk).exists():
        raise Forbidden("Only admins of the team may do this.")


def require_role(role: str) -> None:
    if role not in ProjectMember.Role.values:
        raise Invalid("A role is viewer or editor.", fields={"role": ["Choose viewer or editor."]})


def require_known(values: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := set(values) - known:
        raise Invalid(f"These fields cannot be set here: {', '.join(sorted(unknown))}.")
