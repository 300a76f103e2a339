"""Asking for a team to be erased, and doing it.

From the moment of asking nobody but platform administrators reaches it: memberships, assignments,
invitations and keys end with the asking. What was said goes in batches, as retention removes it,
then each project, then the team. A job that is killed goes on where it stood.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import ApiKey
from accounts.services import revoke_api_key
from audit.services import record
from projects.erasing.models import TeamErasure
from projects.models import Project, ProjectInvitation, ProjectMember
from projects.retention.engine import BATCH
from projects.retention.kinds import Cut, kinds
from projects.services import delete_project
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.errors import DomainError, Forbidden
from restai_site.lib.steps import in_steps
from teams.models import Membership, Team
from teams.services import delete_team
from teams.signals import member_left

FOR_PEOPLE = "Teams are erased by platform administrators who are signed in as themselves."
BY_CLOCK = Actor.system("erasure")


@transaction.atomic
def ask(team: Team, *, actor: Actor) -> TeamErasure:
    """Have a team erased in the background; audited. Asked again, return what goes on already.

    Raises Forbidden.
    """
    if not (actor.is_platform_admin and actor.handles_credentials):
        raise Forbidden(FOR_PEOPLE)
    team = Team.objects.select_for_update().get(pk=team.pk)
    found = TeamErasure.objects.filter(team_id=team.pk).first()
    if found is not None:
        return found
    members = _end_access(team, actor)
    made: TeamErasure = TeamErasure.objects.create(
        team_id=team.pk,
        name=team.name,
        asked_by=actor.email or actor.credential,
        projects=team.projects.count(),
    )
    changes = {"members": members, "projects": made.projects}
    record(actor, "team.erase", team, team_id=team.pk, changes=changes)
    # The tasks import this module.
    from projects.tasks import erase_team

    enqueue(erase_team, made.pk)
    return made


def run(erasure_id: int) -> bool:
    """Erase the team; return whether it is gone. May be repeated."""
    try:
        in_steps(lambda: step(erasure_id))
    except DomainError as error:
        TeamErasure.objects.filter(pk=erasure_id).update(failure=error.message[:300])
    except Exception as error:
        TeamErasure.objects.filter(pk=erasure_id).update(failure=type(error).__name__)
        raise
    return TeamErasure.objects.filter(pk=erasure_id).exclude(finished_at=None).exists()


@transaction.atomic
def step(erasure_id: int) -> bool:
    """Remove one batch, or a project, or the team and end. Return whether there is more."""
    rows = TeamErasure.objects.select_for_update()
    row = rows.filter(pk=erasure_id, finished_at=None).first()
    if row is None:
        return False
    row.failure = ""
    removed = _remove_said(row.team_id)
    project = None if removed else Project.objects.filter(team_id=row.team_id).first()
    if removed:
        row.rows_gone += removed
    elif project is not None:
        delete_project(project, actor=BY_CLOCK)
        row.projects_gone += 1
    else:
        _end(row)
    row.save()
    return row.finished_at is None


def look_after() -> None:
    """Go on with erasures whose job was killed, or could not finish."""
    for unfinished in TeamErasure.objects.filter(finished_at=None).values_list("pk", flat=True):
        run(unfinished)


def _end_access(team: Team, actor: Actor) -> int:
    """End every way in for people and their keys; return how many members there were."""
    memberships = list(Membership.objects.filter(team=team).select_related("user"))
    for membership in memberships:
        member_left.send(Membership, team=team, user=membership.user, actor=actor)
        membership.delete()
    ProjectMember.objects.filter(project__team=team).delete()
    ProjectInvitation.objects.filter(project__team=team).delete()
    team.invitations.all().delete()
    for key in ApiKey.objects.filter(team_id=team.pk, revoked_at=None):
        revoke_api_key(key, actor=BY_CLOCK)
    return len(memberships)


def _remove_said(team_id: int) -> int:
    """Remove one batch of what was said in the team's projects; return how many rows."""
    # Clocks of several hosts may differ.
    everything = Cut(timezone.now() + timedelta(days=1), teams=(team_id,))
    for kind in kinds():
        removed = kind.purge(everything, BATCH) if kind.by_project else 0
        if removed:
            return removed
    return 0


def _end(row: TeamErasure) -> None:
    team = Team.objects.filter(pk=row.team_id).first()
    if team is not None:
        delete_team(team, actor=BY_CLOCK)
    row.finished_at = timezone.now()
    changes = {"projects": row.projects_gone, "rows": row.rows_gone}
    record(BY_CLOCK, "team.erased", row, name=row.name, team_id=row.team_id, changes=changes)
