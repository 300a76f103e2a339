"""Pages: invitations to a team, for its admins. Those who are invited are served by projects."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, signed_in
from accounts.mails import mail_is_set_up
from accounts.models import User
from restai_site.lib.actor import Actor
from restai_site.ui.forms import errors_told
from teams import services
from teams.models import AbstractInvitation, Invitation
from teams.querysets import people_known_to

INVITATIONS_PER_PAGE = 20
SUGGESTIONS_MAX = 50
ON_ITS_WAY = "The invitation to {} is on its way."
WITHOUT_MAIL = (
    "{} is invited. No mail can be sent yet: tell the person to look under Invitations, in the "
    "menu of their account."
)


@require_POST
@signed_in
def invitation_resend(request: SignedInRequest, team_id: int, invitation_id: int) -> HttpResponse:
    invitation = _invitation(request, team_id, invitation_id)
    with errors_told(request):
        services.resend_team_invitation(invitation, actor=request.actor)
        messages.success(request, told(invitation.email))
    return redirect("teams:members", team_id)


@require_POST
@signed_in
def invitation_revoke(request: SignedInRequest, team_id: int, invitation_id: int) -> HttpResponse:
    invitation = _invitation(request, team_id, invitation_id)
    with errors_told(request):
        services.revoke_team_invitation(invitation, actor=request.actor)
        messages.success(request, f"The invitation to {invitation.email} is withdrawn.")
    return redirect("teams:members", team_id)


def told(email: str) -> str:
    """Return what an inviter is told, the same whoever has the address."""
    return (ON_ITS_WAY if mail_is_set_up() else WITHOUT_MAIL).format(email)


def pending_page(request: SignedInRequest, rows: QuerySet[Any]) -> Page[Any]:
    """Return the page of pending invitations that `?invitations=` asks for."""
    pending = rows.filter(state=AbstractInvitation.State.PENDING).select_related("invited_by")
    pages = Paginator(pending.order_by("-pk"), INVITATIONS_PER_PAGE)
    return pages.get_page(request.GET.get("invitations"))


def suggestions(actor: Actor, *, team_id: int) -> list[User]:
    """Return people the actor knows who are not in the team, to choose among by name."""
    if actor.is_platform_admin:
        # They know everybody, which is no list to offer.
        return []
    others = people_known_to(actor).filter(is_active=True).exclude(memberships__team_id=team_id)
    return list(others.order_by("name", "email")[:SUGGESTIONS_MAX])


def _invitation(request: SignedInRequest, team_id: int, invitation_id: int) -> Invitation:
    rows = Invitation.objects.editable_by(request.actor).select_related("team")
    found: Invitation = get_object_or_404(rows, pk=invitation_id, team_id=team_id)
    return found
