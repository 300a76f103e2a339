"""What can be done to the assignments of people to projects."""

from django.db import IntegrityError, transaction

from accounts.models import User
from audit.services import changes_of, record
from projects.models import Project, ProjectMember
from projects.services.rules import locked_project, locked_with_team, require_managed, require_role
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Invalid
from teams.invitations import withdraw_pending
from teams.models import Membership


@transaction.atomic
def add_project_member(
    project: Project, user: User, *, role: str = "viewer", actor: Actor
) -> ProjectMember:
    """Assign a member of the team to the project. Raises Forbidden, Invalid, Conflict."""
    project = locked_with_team(project, actor)
    require_managed(project, actor)
    require_role(role)
    if not Membership.objects.filter(team=project.team_id, user=user).exists():
        message = "Only members of the team can be added; add the person to the team first."
        raise Invalid(message, fields={"user": [message]})
    try:
        with transaction.atomic():
            member = ProjectMember.objects.create(project=project, user=user, role=role)
    except IntegrityError:
        raise Conflict(f"{user} already has access to the project.") from None
    withdraw_pending(project.invitations.filter(email=user.email))
    changes = {"user": user, "role": role}
    record(actor, "project.member_add", project, team_id=project.team_id, changes=changes)
    return member


@transaction.atomic
def change_project_role(member: ProjectMember, *, role: str, actor: Actor) -> ProjectMember:
    """Change what an assigned user may do. Raises Forbidden, Invalid."""
    project = locked_project(member.project, actor)
    require_managed(project, actor)
    require_role(role)
    member = ProjectMember.objects.select_for_update().get(pk=member.pk)
    changes = changes_of(member, {"role": role})
    if changes:
        member.role = role
        member.save(update_fields=["role"])
        shown = {"user": member.user, **changes}
        record(actor, "project.member_role", project, team_id=project.team_id, changes=shown)
    return member


@transaction.atomic
def remove_project_member(member: ProjectMember, *, actor: Actor) -> None:
    """Take a user's access to a project away. Raises Forbidden."""
    project = locked_project(member.project, actor)
    require_managed(project, actor)
    # One that is left would lead back in.
    withdraw_pending(project.invitations.filter(email=member.user.email))
    changes = {"user": member.user}
    record(actor, "project.member_remove", project, team_id=project.team_id, changes=changes)
    member.delete()
