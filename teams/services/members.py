"""What can be done to the members of teams."""

from django.db import IntegrityError, transaction

from accounts.models import User
from audit.services import changes_of, record
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Conflict, Forbidden, NotFound
from teams.invitations import withdraw_pending
from teams.models import Membership, Team
from teams.services.rules import locked_team, require_editable, require_role
from teams.signals import member_left


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
    end_invitations(team, user)
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
    membership = _still_there(membership)
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
    """Remove a member, or leave a team.

    Raises Forbidden, NotFound for who has left already, Conflict for the last admin.
    """
    leaves = membership.user_id == actor.user_id and not actor.is_narrowed
    team = Team.objects.select_for_update().get(pk=membership.team_id)
    if not leaves:
        require_editable(team, actor)
    membership = _still_there(membership)
    _keep_one_admin(membership, actor)
    record(actor, "team.member_remove", team, team_id=team.pk, changes={"user": membership.user})
    end_membership(membership, team, actor=actor)


def join_team(team: Team, *, role: str, actor: Actor, invited_by: User | None) -> Membership:
    """Make the actor, whose invitation has been checked, a member of a team that is locked.

    Who is a member already stays what they are: an invitation raises nobody.
    """
    values = {"role": role}
    membership, made = Membership.objects.get_or_create(
        team=team, user_id=actor.own_id, defaults=values
    )
    if made:
        shown = {"user": membership.user, "role": role, "invited_by": invited_by}
        record(actor, "team.member_add", team, team_id=team.pk, changes=shown)
        end_invitations(team, membership.user)
    return membership


def end_membership(membership: Membership, team: Team, *, actor: Actor) -> None:
    """Delete a membership of a team that is locked, and all that hangs on it; records nothing."""
    user = membership.user
    end_invitations(team, user)
    # The apps above end what is theirs: assignments to projects, and invitations to them.
    member_left.send(Membership, team=team, user=user, actor=actor)
    membership.delete()


def end_invitations(team: Team, user: User) -> None:
    """Withdraw invitations of somebody who comes or goes otherwise: one could lead back in."""
    withdraw_pending(team.invitations.filter(email=user.email))


def _still_there(membership: Membership) -> Membership:
    """Return the membership as it is now that its team is locked: its role may have changed."""
    rows = Membership.objects.select_related("user").select_for_update(of=("self",))
    found: Membership | None = rows.filter(pk=membership.pk).first()
    if found is None:
        raise NotFound("This person is no longer in the team.")
    return found


def _keep_one_admin(membership: Membership, actor: Actor) -> None:
    """Refuse to take the last admin's role; the team's row is locked, so counting is safe.

    Who is suspended or restricted, or has yet to accept an invitation, runs no team.
    """
    if membership.role != Membership.Role.ADMIN or actor.is_platform_admin:
        return
    admins = Membership.objects.filter(
        team_id=membership.team_id,
        role=Membership.Role.ADMIN,
        user__is_active=True,
        user__is_restricted=False,
        user__invited_at=None,
    )
    if not admins.exclude(pk=membership.pk).exists():
        raise Conflict("The team needs at least one admin; name another one first.")
