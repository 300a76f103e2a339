"""What can be done to invitations to projects."""

from typing import Any

from django.db import transaction

from audit.services import record
from projects import tasks
from projects.models import Project, ProjectInvitation, ProjectMember
from projects.services.rules import locked_project, require_managed, require_role
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.errors import Conflict, Forbidden, NotFound
from teams.invitations import (
    GONE,
    State,
    close,
    count_invitation,
    locked_team_of,
    normal_address,
    renew,
    revoke,
    send_out,
    take,
)
from teams.models import Team
from teams.services import join_team

HAS_ACCESS = "This person has access to the project already."


def invite_to_project(
    project: Project, *, email: str, role: str = ProjectMember.Role.VIEWER, actor: Actor
) -> ProjectInvitation:
    """Invite somebody to a project by e-mail address, and mail them a link.

    Whoever accepts comes into the team as a member, so this takes an admin of the team; a key that
    is narrowed to projects does not do. Whether there is an account with this address makes no
    difference. Raises Forbidden, Invalid, Conflict (has access, or is invited already),
    TooManyRequests, Unavailable.
    """
    _require_right(project, actor)
    count_invitation(actor)
    return _invite(project, email, role, actor)


@transaction.atomic
def _invite(project: Project, email: str, role: str, actor: Actor) -> ProjectInvitation:
    project = _locked_place(project, actor)
    require_role(role)
    address = normal_address(email)
    if project.members.filter(user__email=address).exists():
        raise Conflict(HAS_ACCESS, fields={"email": [HAS_ACCESS]})
    made = send_out(
        ProjectInvitation(project=project, email=address, role=role),
        places=project.invitations.all(),
        actor=actor,
    )
    _record(actor, "create", made, {"email": address, "role": role})
    enqueue(tasks.mail_project_invitation, made.pk)
    return made


def resend_project_invitation(invitation: ProjectInvitation, *, actor: Actor) -> ProjectInvitation:
    """Mail a new link, which voids the older one; the time begins anew.

    Raises as `invite_to_project` does, and Conflict for one that has been answered or withdrawn.
    """
    _require_right(invitation.project, actor)
    count_invitation(actor)
    return _resend(invitation, actor)


@transaction.atomic
def _resend(invitation: ProjectInvitation, actor: Actor) -> ProjectInvitation:
    invitation = _locked(invitation, actor)
    renew(invitation, actor=actor)
    _record(actor, "resend", invitation)
    enqueue(tasks.mail_project_invitation, invitation.pk)
    return invitation


@transaction.atomic
def revoke_project_invitation(invitation: ProjectInvitation, *, actor: Actor) -> ProjectInvitation:
    """Withdraw an invitation; its link stops at once. Raises Forbidden, Conflict."""
    invitation = _locked(invitation, actor)
    revoke(invitation)
    _record(actor, "revoke", invitation)
    return invitation


@transaction.atomic
def accept_project_invitation(invitation: ProjectInvitation, *, actor: Actor) -> ProjectMember:
    """Enter the project, and its team as a member, as whoever was invited.

    Roles that they have there already stay. Raises Forbidden for keys and impersonators, NotFound
    where the invitation does not hold.
    """
    team = _locked_team_behind(invitation)
    project = Project.objects.select_for_update().get(pk=invitation.project_id)
    invitation = take(ProjectInvitation.objects.all(), invitation, actor=actor)
    close(invitation, State.ACCEPTED)
    _record(actor, "accept", invitation, {"role": invitation.role})
    membership = join_team(team, role="member", actor=actor, invited_by=invitation.invited_by)
    member, made = ProjectMember.objects.get_or_create(
        project=project, user=membership.user, defaults={"role": invitation.role}
    )
    if made:
        shown = {"user": membership.user, "role": member.role, "invited_by": invitation.invited_by}
        record(actor, "project.member_add", project, team_id=team.pk, changes=shown)
    return member


@transaction.atomic
def decline_project_invitation(invitation: ProjectInvitation, *, actor: Actor) -> ProjectInvitation:
    """Refuse an invitation. Raises as `accept_project_invitation` does."""
    invitation = take(ProjectInvitation.objects.all(), invitation, actor=actor)
    close(invitation, State.DECLINED)
    _record(actor, "decline", invitation)
    return invitation


def _locked_team_behind(invitation: ProjectInvitation) -> Team:
    """Lock the project's team, which comes first everywhere. Raises NotFound after a move."""
    project = Project.objects.filter(pk=invitation.project_id).first()
    if project is None:
        raise NotFound(GONE)
    team = locked_team_of(project.team_id)
    if not Project.objects.filter(pk=project.pk, team=team).exists():
        # Moved a moment ago, which has withdrawn the invitation.
        raise NotFound(GONE)
    return team


def _require_right(project: Project, actor: Actor) -> None:
    require_managed(project, actor)
    if not Team.objects.editable_by(actor).filter(pk=project.team_id).exists():
        raise Forbidden("Whoever is invited comes into the team: this key does not reach so far.")


def _locked_place(project: Project, actor: Actor) -> Project:
    project = locked_project(project, actor)
    _require_right(project, actor)
    return project


def _locked(invitation: ProjectInvitation, actor: Actor) -> ProjectInvitation:
    project = _locked_place(invitation.project, actor)
    rows = project.invitations.select_for_update(of=("self",))
    locked: ProjectInvitation = rows.get(pk=invitation.pk)
    return locked


def _record(
    actor: Actor, what: str, invitation: ProjectInvitation, changes: dict[str, Any] | None = None
) -> None:
    action, shown = f"project_invitation.{what}", {"project": invitation.project, **(changes or {})}
    record(actor, action, invitation, team_id=invitation.project.team_id, changes=shown)
