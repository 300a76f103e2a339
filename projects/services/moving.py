"""Moving a project to another team, and what that takes from people."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import ApiKey, User
from accounts.services import keys_narrowed_to, revoke_keys_of_project
from audit.services import record
from projects.consequences import consequences_of_leaving
from projects.models import Project, ProjectInvitation, ProjectMember
from projects.services.projects import NAME_TAKEN, save_project
from projects.services.rules import locked_project, require_grant, require_managed
from projects.signals import project_changed_team
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, Invalid
from teams.invitations import withdraw_pending
from teams.models import Membership, Team

IS_THERE = "The project is in this team already; choose another one."


@dataclass(frozen=True, slots=True)
class Losses:
    """What a move to `team` ends.

    `members` lose their assignment, `keys` have no other project and an owner who no longer
    reaches this one. Who used the project because it was open to its team loses it as well.
    `elsewhere` says in sentences what ends for other projects.
    """

    team: Team
    members: list[User]
    keys: int
    invitations: int
    closes_to_team: bool
    elsewhere: list[str]


def losses_of_move(project: Project, team: Team, *, actor: Actor) -> Losses:
    """Return what a move would end, and change nothing.

    Raises as `move_project` does, so that nobody learns more than they could do.
    """
    _require_both(project, team, actor)
    _require_room(project, team)
    return _losses(project, team)


@transaction.atomic
def move_project(project: Project, team: Team, *, actor: Actor) -> tuple[Project, Losses]:
    """Move a project to another team that the actor runs as well; return it and what that ended.

    Its prompt, secrets, conversations and the record of its use so far stay with it; from now on
    the new team pays. Assignments of people who are not in the new team end, it is open to members
    alone, its invitations are withdrawn, and keys that reach nothing else are revoked where their
    owner no longer reaches it. Raises Forbidden, Invalid (the LLM is not granted there), Conflict
    (its name is taken, or it is there already).
    """
    # Teams first and in one order, as everywhere, so that no two wait for each other.
    before, after = _locked_teams(project.team_id, team.pk)
    project = locked_project(project, actor)
    if project.team_id != before.pk:
        raise Conflict("The project has been moved a moment ago; look where it is now.")
    _require_both(project, after, actor)
    _require_room(project, after)
    losses = _losses(project, after)
    project.members.filter(user__in=losses.members).delete()
    withdraw_pending(project.invitations.all())
    project.team, project.visibility = after, Project.Visibility.MEMBERS
    save_project(project, ["team", "visibility", "updated_at"])
    revoke_keys_of_project(_stranded_keys(project, after), actor=actor)
    _record(actor, project, before, losses)
    project_changed_team.send(Project, project=project, before=before, after=after, actor=actor)
    return project, losses


def _locked_teams(before: int, after: int) -> tuple[Team, Team]:
    rows = Team.objects.select_for_update().filter(pk__in={before, after}).order_by("pk")
    locked = {team.pk: team for team in rows}
    if not {before, after} <= locked.keys():
        raise Conflict("The team has been deleted a moment ago.")
    return locked[before], locked[after]


def _require_both(project: Project, team: Team, actor: Actor) -> None:
    require_managed(project, actor)
    if not Team.objects.editable_by(actor).filter(pk=team.pk).exists():
        raise Forbidden("Only who runs both teams may move a project from one to the other.")


def _require_room(project: Project, team: Team) -> None:
    if project.team_id == team.pk:
        raise Invalid(IS_THERE, fields={"team": [IS_THERE]})
    require_grant(team, project.llm)
    if Project.objects.filter(team=team, name=project.name).exists():
        raise Conflict(NAME_TAKEN, fields={"team": [NAME_TAKEN]})


def _losses(project: Project, team: Team) -> Losses:
    leaving = User.objects.filter(project_memberships__project=project).exclude(
        memberships__team=team
    )
    return Losses(
        team=team,
        members=list(leaving.order_by("email")),
        keys=_stranded_keys(project, team).count(),
        invitations=project.invitations.filter(state=ProjectInvitation.State.PENDING).count(),
        closes_to_team=project.visibility == Project.Visibility.TEAM,
        elsewhere=consequences_of_leaving(project),
    )


def _stranded_keys(project: Project, team: Team) -> QuerySet[ApiKey]:
    """Return the keys for this project alone whose owners will not reach it in `team`."""
    there = Membership.objects.filter(team=team)
    assigned = ProjectMember.objects.filter(project=project, user__in=there.values("user_id"))
    reaches = (
        Q(user__is_platform_admin=True)
        | Q(user__in=there.filter(role=Membership.Role.ADMIN).values("user_id"))
        | Q(user__in=assigned.values("user_id"))
    )
    return keys_narrowed_to(project.pk).exclude(reaches)


def _record(actor: Actor, project: Project, before: Team, losses: Losses) -> None:
    changes: dict[str, Any] = {
        "team": {"before": before, "after": losses.team},
        "members_removed": losses.members,
        "keys_revoked": losses.keys,
        "invitations_withdrawn": losses.invitations,
    }
    # In the trail of either team.
    for action, team in (("project.move_out", before), ("project.move", losses.team)):
        record(actor, action, project, team_id=team.pk, changes=changes)
