"""Answers to invitations of either kind, also by people who have no account yet."""

from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import create_by_link
from projects.invitations import find
from projects.models import ProjectInvitation
from projects.services.invitations import accept_project_invitation, decline_project_invitation
from restai_site.lib.actor import Actor
from restai_site.lib.errors import NotFound
from teams.invitations import GONE, NEWCOMER, account_may_be_made
from teams.models import AbstractInvitation, Invitation
from teams.services import accept_team_invitation, decline_team_invitation


def accept_invitation(invitation: AbstractInvitation, *, actor: Actor) -> None:
    """Accept an invitation of either kind. Raises Forbidden, NotFound."""
    if isinstance(invitation, ProjectInvitation):
        accept_project_invitation(invitation, actor=actor)
    elif isinstance(invitation, Invitation):
        accept_team_invitation(invitation, actor=actor)


def decline_invitation(invitation: AbstractInvitation, *, actor: Actor) -> None:
    """Decline an invitation of either kind. Raises Forbidden, NotFound."""
    if isinstance(invitation, ProjectInvitation):
        decline_project_invitation(invitation, actor=actor)
    elif isinstance(invitation, Invitation):
        decline_team_invitation(invitation, actor=actor)


@transaction.atomic
def accept_as_newcomer(
    digest: object, *, name: str, password: str, actor: Actor
) -> tuple[User, Any]:
    """Make an account for who was invited by the link with `digest`, and accept.

    Returns the user and the invitation. Raises NotFound where the invitation does not hold or the
    settings allow no account, Invalid (weak password; the link stays), Conflict (the account was
    made a moment ago).
    """
    invitation = find(digest)
    if invitation is None or not account_may_be_made(invitation):
        raise NotFound(GONE)
    user = create_by_link(email=invitation.email, name=name, password=password, actor=actor)
    newcomer = replace(actor, user_id=user.pk, email=user.email, credential=NEWCOMER)
    accept_invitation(invitation, actor=newcomer)
    return user, invitation
