"""Pages: invitations to a project for its managers, and of both kinds for those who are invited."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import sign_in
from accounts.access import SignedInRequest, person_behind, signed_in
from accounts.actors import anonymous
from accounts.links_in_session import no_referrer
from accounts.password_forms import AcceptForm
from accounts.services import digest_of
from projects import services
from projects.invitations import find, waiting_for
from projects.models import ProjectInvitation
from projects.views import for_managers
from restai_site.lib.actor import Actor
from restai_site.ui.forms import errors_on, errors_told
from restai_site.ui.tables import ROWS_PER_PAGE
from teams.invitation_views import told
from teams.invitations import account_may_be_made
from teams.models import AbstractInvitation, Invitation

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
KEPT_AS = "link:place_invitation"


@require_POST
@signed_in
def project_invitation_resend(
    request: SignedInRequest, project_id: int, project_invitation_id: int
) -> HttpResponse:
    invitation = _of_project(request, project_id, project_invitation_id)
    with errors_told(request):
        services.resend_project_invitation(invitation, actor=request.actor)
        messages.success(request, told(invitation.email))
    return redirect("projects:access", project_id)


@require_POST
@signed_in
def project_invitation_revoke(
    request: SignedInRequest, project_id: int, project_invitation_id: int
) -> HttpResponse:
    invitation = _of_project(request, project_id, project_invitation_id)
    with errors_told(request):
        services.revoke_project_invitation(invitation, actor=request.actor)
        messages.success(request, f"The invitation to {invitation.email} is withdrawn.")
    return redirect("projects:access", project_id)


# --- Those who are invited -----------------------------------------------------------------------


@require_safe
@signed_in
def my_invitations(request: SignedInRequest) -> HttpResponse:
    pages = Paginator(waiting_for(request.actor), ROWS_PER_PAGE)
    page = pages.get_page(request.GET.get("page"))
    context = {"page": page, "may_answer": request.actor.is_own_session}
    return render(request, "projects/invitations/mine.html", context)


@require_safe
@no_referrer
@sensitive_variables("token")
def follow_invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address at once: the page itself is reached without it."""
    digest = digest_of(token)
    if find(digest) is None:
        return _gone(request)
    request.session[KEPT_AS] = digest
    return redirect("projects:invitation")


@sensitive_post_parameters("password")
@get_or_post
def invitation(request: HttpRequest) -> HttpResponse:
    """Show the invitation whose link was followed, to whoever has the invited address.

    Without an account, its form makes one where the settings allow that.
    """
    digest = request.session.get(KEPT_AS)
    found = find(digest)
    if found is None:
        return _gone(request)
    actor = person_behind(request)
    if actor is not None:
        return _for_person(request, found, actor)
    if not account_may_be_made(found):
        return render(request, "projects/invitations/log_in.html", {"invitation": found})
    form = AcceptForm(request.POST or None, user=None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            user, _ = services.accept_as_newcomer(
                digest, **form.cleaned_data, actor=anonymous(request)
            )
            target = reverse("inference:chat")
            return redirect(sign_in.begin(request, user, amr=("pwd",), target=target))
    context = {"form": form, "invitation": found}
    status = 400 if form.errors else 200
    return render(request, "projects/invitations/newcomer.html", context, status=status)


@require_POST
@signed_in
def accept_invitation(request: SignedInRequest, invitation_id: int) -> HttpResponse:
    return _accept(request, Invitation.objects.all(), invitation_id)


@require_POST
@signed_in
def accept_project_invitation(request: SignedInRequest, project_invitation_id: int) -> HttpResponse:
    return _accept(request, ProjectInvitation.objects.all(), project_invitation_id)


@require_POST
@signed_in
def decline_invitation(request: SignedInRequest, invitation_id: int) -> HttpResponse:
    return _decline(request, Invitation.objects.all(), invitation_id)


@require_POST
@signed_in
def decline_project_invitation(
    request: SignedInRequest, project_invitation_id: int
) -> HttpResponse:
    return _decline(request, ProjectInvitation.objects.all(), project_invitation_id)


def _accept(request: SignedInRequest, rows: Any, pk: int) -> HttpResponse:
    found = _mine(request, rows, pk)
    if found is None:
        return _gone(request)
    services.accept_invitation(found, actor=request.actor)
    request.session.pop(KEPT_AS, None)
    messages.success(request, f"Welcome to “{found.place}”.")
    if isinstance(found, ProjectInvitation):
        return redirect("projects:overview", found.project_id)
    return redirect("teams:members", found.to_team.pk)


def _decline(request: SignedInRequest, rows: Any, pk: int) -> HttpResponse:
    found = _mine(request, rows, pk)
    if found is None:
        return _gone(request)
    services.decline_invitation(found, actor=request.actor)
    request.session.pop(KEPT_AS, None)
    messages.success(request, f"You have declined the invitation to “{found.place}”.")
    return redirect("projects:invitations")


def _mine(request: SignedInRequest, rows: Any, pk: int) -> AbstractInvitation | None:
    found: AbstractInvitation | None = rows.addressed_to(request.actor).filter(pk=pk).first()
    return found


def _for_person(request: HttpRequest, found: AbstractInvitation, actor: Actor) -> HttpResponse:
    mine = type(found)._default_manager.all()
    if not mine.addressed_to(actor).filter(pk=found.pk).exists():  # type: ignore[attr-defined]
        return render(request, "projects/invitations/somebody_else.html", status=403)
    context = {"invitation": found, "may_answer": actor.is_own_session}
    return render(request, "projects/invitations/answer.html", context)


def _of_project(request: SignedInRequest, project_id: int, pk: int) -> ProjectInvitation:
    for_managers(request, project_id, "access")
    rows = ProjectInvitation.objects.editable_by(request.actor).select_related("project")
    found: ProjectInvitation = get_object_or_404(rows, pk=pk, project_id=project_id)
    return found


def _gone(request: HttpRequest) -> HttpResponse:
    """Answer alike for what was answered, withdrawn, expired, replaced, or never there."""
    return render(request, "projects/invitations/gone.html", status=404)
