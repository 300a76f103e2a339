"""Pages: who reaches a project, and as what."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts.access import SignedInRequest, signed_in
from projects import services
from projects.forms import MemberForm, RoleForm, VisibilityForm
from projects.models import Project, ProjectMember
from projects.views import for_editors, for_managers, get_or_post, require_manager
from restai_site.ui.forms import errors_on, errors_told
from teams.forms import InviteForm
from teams.invitation_views import pending_page, suggestions, told


@get_or_post
@signed_in
def access(request: SignedInRequest, project_id: int) -> HttpResponse:
    context = for_editors(request, project_id, "access")
    project = context["project"]
    form = MemberForm(request.POST or None, project=project)
    if request.method == "POST":
        require_manager(context)
        if form.is_valid() and _add_member(request, project, form):
            return redirect("projects:access", project.pk)
    return access_page(request, context, form)


def access_page(
    request: SignedInRequest,
    context: dict[str, Any],
    form: MemberForm,
    invite_form: InviteForm | None = None,
) -> HttpResponse:
    """Return the page of who has access; its forms may come with errors."""
    project = context["project"]
    members = ProjectMember.objects.visible_to(request.actor).filter(project=project)
    context |= {
        "form": form,
        "visibility_form": VisibilityForm(initial={"visibility": project.visibility}),
        "members": members.select_related("user").order_by("user__email"),
        "roles": ProjectMember.Role,
        "has_candidates": context["can_manage"] and _candidates(form).exists(),
    }
    if context["can_manage"]:
        actor = request.actor
        invite_form = invite_form or InviteForm(actor=actor, roles=ProjectMember.Role)
        context |= {
            "invite_form": invite_form,
            "invitations": pending_page(request, project.invitations.all()),
            "suggestions": suggestions(actor, team_id=project.team_id),
        }
    wrong = form.errors or (invite_form is not None and invite_form.errors)
    return render(request, "projects/access.html", context, status=400 if wrong else 200)


@require_POST
@signed_in
def project_invite(request: SignedInRequest, project_id: int) -> HttpResponse:
    context = for_managers(request, project_id, "access")
    project = context["project"]
    form = InviteForm(request.POST, actor=request.actor, roles=ProjectMember.Role)
    if form.is_valid() and _add_or_invite(request, project, form):
        return redirect("projects:access", project_id)
    return access_page(request, context, MemberForm(project=project), form)


@require_POST
@signed_in
def visibility(request: SignedInRequest, project_id: int) -> HttpResponse:
    context = for_editors(request, project_id, "access")
    require_manager(context)
    form = VisibilityForm(request.POST)
    if form.is_valid():
        services.update_project(context["project"], form.cleaned_data, actor=request.actor)
        messages.success(request, "Who can use the project is saved.")
    return redirect("projects:access", project_id)


@require_POST
@signed_in
def member_role(request: SignedInRequest, project_id: int, member_id: int) -> HttpResponse:
    member = _member(request, project_id, member_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        with errors_told(request):
            role = form.cleaned_data["role"]
            services.change_project_role(member, role=role, actor=request.actor)
            messages.success(request, f"{member.user.display_name} has a new role.")
    return redirect("projects:access", project_id)


@require_POST
@signed_in
def member_remove(request: SignedInRequest, project_id: int, member_id: int) -> HttpResponse:
    member = _member(request, project_id, member_id)
    services.remove_project_member(member, actor=request.actor)
    messages.success(request, f"{member.user.display_name} no longer has access.")
    return redirect("projects:access", project_id)


def _member(request: SignedInRequest, project_id: int, member_id: int) -> ProjectMember:
    require_manager(for_editors(request, project_id, "access"))
    rows = ProjectMember.objects.editable_by(request.actor).select_related("project", "user")
    return get_object_or_404(rows, pk=member_id, project_id=project_id)


def _add_member(request: SignedInRequest, project: Project, form: MemberForm) -> bool:
    user, role = form.cleaned_data["user"], form.cleaned_data["role"]
    with errors_on(form):
        services.add_project_member(project, user, role=role, actor=request.actor)
        messages.success(request, f"{user.display_name} has access.")
    return form.is_valid()


def _add_or_invite(request: SignedInRequest, project: Project, form: InviteForm) -> bool:
    """Add whom the actor knows to be in the team; anybody else is invited."""
    email, role, person = form.cleaned_data["who"], form.cleaned_data["role"], form.person
    in_team = person is not None and person.memberships.filter(team=project.team_id).exists()
    with errors_on(form):
        if person is not None and in_team:
            services.add_project_member(project, person, role=role, actor=request.actor)
            messages.success(request, f"{person.display_name} has access.")
        else:
            services.invite_to_project(project, email=email, role=role, actor=request.actor)
            messages.success(request, told(email))
    return form.is_valid()


def _candidates(form: MemberForm) -> QuerySet[Any]:
    return form.fields["user"].queryset  # type: ignore[attr-defined,no-any-return]
