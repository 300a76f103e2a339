"""What can be done to invitations to teams."""

from typing import Any

from django.db import transaction

from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.background import enqueue
from restai_site.lib.errors import Conflict
from teams import tasks
from teams.invitations import (
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
from teams.models import Invitation, Membership, Team
from teams.services.members import join_team
from teams.services.rules import locked_team, require_editable, require_role

IN_THE_TEAM = "This person is already a member of the team."


def invite_to_team(
    team: Team, *, email: str, role: str = Membership.Role.MEMBER, actor: Actor
) -> Invitation:
    """Invite somebody to a team by e-mail address, and mail them a link.

    Whether there is an account with this address makes no difference. Raises Forbidden, Invalid,
    Conflict (in the team, or invited already), TooManyRequests, Unavailable.
    """
    require_editable(team, actor)
    count_invitation(actor)
    return _invite(team, email, role, actor)


@transaction.atomic
def _invite(team: Team, email: str, role: str, actor: Actor) -> Invitation:
    team = locked_team(team, actor)
    require_role(role)
    address = normal_address(email)
    if team.memberships.filter(user__email=address).exists():
        raise Conflict(IN_THE_TEAM, fields={"email": [IN_THE_TEAM]})
    made = send_out(
        Invitation(team=team, email=address, role=role), places=team.invitations.all(), actor=actor
    )
    _record(actor, "create", made, {"email": address, "role": role})
    enqueue(tasks.mail_team_invitation, made.pk)
    return made


def resend_team_invitation(invitation: Invitation, *, actor: Actor) -> Invitation:
    """Mail a new link, which voids the older one; the time begins anew.

    Raises as `invite_to_team` does, and Conflict for one that has been answered or withdrawn.
    """
    require_editable(invitation.team, actor)
    count_invitation(actor)
    return _resend(invitation, actor)


@transaction.atomic
def _resend(invitation: Invitation, actor: Actor) -> Invitation:
    invitation = _locked(invitation, actor)
    renew(invitation, actor=actor)
    _record(actor, "resend", invitation)
    enqueue(tasks.mail_team_invitation, invitation.pk)
    return invitation


@transaction.atomic
def revoke_team_invitation(invitation: Invitation, *, actor: Actor) -> Invitation:
    """Withdraw an invitation; its link stops at once. Raises Forbidden, Conflict."""
    invitation = _locked(invitation, actor)
    revoke(invitation)
    _record(actor, "revoke", invitation)
    return invitation


@transaction.atomic
def accept_team_invitation(invitation: Invitation, *, actor: Actor) -> Membership:
    """Enter the team as whoever was invited. A role that they have there already stays.

    Raises Forbidden for keys and impersonators, NotFound where the invitation does not hold.
    """
    team = locked_team_of(invitation.team_id)
    invitation = take(Invitation.objects.all(), invitation, actor=actor)
    close(invitation, State.ACCEPTED)
    _record(actor, "accept", invitation, {"role": invitation.role})
    return join_team(team, role=invitation.role, actor=actor, invited_by=invitation.invited_by)


@transaction.atomic
def decline_team_invitation(invitation: Invitation, *, actor: Actor) -> Invitation:
    """Refuse an invitation. Raises as `accept_team_invitation` does."""
    invitation = take(Invitation.objects.all(), invitation, actor=actor)
    close(invitation, State.DECLINED)
    _record(actor, "decline", invitation)
    return invitation


def _locked(invitation: Invitation, actor: Actor) -> Invitation:
    team = locked_team(invitation.team, actor)
    locked: Invitation = team.invitations.select_for_update(of=("self",)).get(pk=invitation.pk)
    return locked


def _record(
    actor: Actor, what: str, invitation: Invitation, changes: dict[str, Any] | None = None
) -> None:
    action = f"team_invitation.{what}"
    record(actor, action, invitation, team_id=invitation.team_id, changes=changes)
