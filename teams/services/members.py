"""What can be done to the members of teams."""

from django.db import IntegrityError, transaction

from accounts.models import User
from audit.services import changes_of, record
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden
from teams.models import Membership, Team
from teams.services.rules import locked_team, require_editable, require_role


@transaction.atomic
def add_member(team: Team, user: User, *, role: str = "member", actor: Actor) -> Membership:
    """Put a user into a team. Raises Forbidden, Invalid (role), Conflict (already a member)."""
    team = locked_team(team, actor)
    require_role(role)
    try:
        with transaction.atomic():
            membership = Membership.objects.create(team=team, user=user, role=role)
    except IntegrityError:
        raise Conflict(f"{user} is already a member of the team.") from None
    record(actor, "team.member_add", team, team_id=team.pk, changes={"user": user, "role": role})
    return membership


@transaction.atomic
def change_role(membership: Membership, *, role: str, actor: Actor) -> Membership:
    """Change a member's role.

    Nobody changes their own role except a platform administrator. Raises Forbidden, Invalid,
    Conflict when the team would be left without an admin.
    """
    team = locked_team(membership.team, actor)
    require_role(role)
    membership = Membership.objects.select_for_update().get(pk=membership.pk)
    if membership.user_id == actor.user_id and not actor.is_platform_admin:
        raise Forbidden("Nobody changes their own role; ask another team admin.")
    changes = changes_of(membership, {"role": role})
    if changes:
        _keep_one_admin(membership, actor)
        membership.role = role
        membership.save(update_fields=["role"])
        shown = {"user": membership.user, **changes}
        record(actor, "team.member_role", team, team_id=team.pk, changes=shown)
    return membership


@transaction.atomic
def remove_member(membership: Membership, *, actor: Actor) -> None:
    """Remove a member, or leave a team. Raises Forbidden, Conflict for the last admin."""
    leaves = membership.user_id == actor.user_id and not actor.is_narrowed
    team = Team.objects.select_for_update().get(pk=membership.team_id)
    if not leaves:
        require_editable(team, actor)
    _keep_one_admin(membership, actor)
    record(actor, "team.member_remove", team, team_id=team.pk, changes={"user": membership.user})
    # Assignments to the team's projects end with the membership; the layer above owns their rows.
    membership.user.project_memberships.filter(project__team=team).delete()
    membership.delete()


def _keep_one_admin(membership: Membership, actor: Actor) -> None:
    """Refuse to take the last admin's role; the team's row is locked, so counting is safe."""
    if membership.role != Membership.Role.ADMIN or actor.is_platform_admin:
        return
    admins = Membership.objects.filter(team_id=membership.team_id, role=Membership.Role.ADMIN)
    if not admins.exclude(pk=membership.pk).exists():
        raise Conflict("The team needs at least one admin; name another one first.")
