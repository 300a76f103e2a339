"""Pages: teams, their members and what is granted to them."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import SignedInRequest, platform_admin, signed_in
from restai_site.lib.errors import Forbidden
from restai_site.ui.forms import errors_on, errors_told
from restai_site.ui.tables import tab, table_of
from teams import services
from teams.forms import GrantsForm, InviteForm, RoleForm, TeamForm, TeamSettingsForm
from teams.invitation_views import pending_page, suggestions, told
from teams.models import Membership, Team

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@signed_in
def team_list(request: SignedInRequest) -> HttpResponse:
    rows = Team.objects.visible_to(request.actor).annotate(
        member_count=Count("memberships", distinct=True),
        project_count=Count("projects", distinct=True),
    )
    table = table_of(
        request,
        rows,
        sorts={"name": "name", "members": "member_count", "projects": "project_count"},
        default="name",
        search=["name"],
    )
    return render(request, "teams/list.html", {"table": table})


@get_or_post
@platform_admin
def team_new(request: SignedInRequest) -> HttpResponse:
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            team = services.create_team(name=form.cleaned_data["name"], actor=request.actor)
            messages.success(request, f"The team “{team.name}” is created. Give it models next.")
            return redirect("teams:models", team.pk)
    return render(request, "teams/new.html", {"form": form}, status=400 if form.errors else 200)


@get_or_post
@signed_in
def team_members(request: SignedInRequest, team_id: int) -> HttpResponse:
    team, can_edit = _team(request, team_id)
    form = InviteForm(request.POST or None, actor=request.actor, roles=Membership.Role)
    if request.method == "POST":
        _require(can_edit)
        if form.is_valid() and _add_or_invite(request, team, form):
            return redirect("teams:members", team.pk)
    rows = Membership.objects.visible_to(request.actor).filter(team=team).select_related("user")
    table = table_of(
        request,
        rows,
        sorts={"name": "user__name", "email": "user__email", "role": "role", "since": "created_at"},
        default="name",
        search=["user__name", "user__email"],
    )
    context = {**_shared(request, team, can_edit, "members"), "table": table, "form": form}
    if can_edit:
        context["invitations"] = pending_page(request, team.invitations.all())
        context["suggestions"] = suggestions(request.actor, team_id=team.pk)
    return render(request, "teams/members.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def member_role(request: SignedInRequest, team_id: int, membership_id: int) -> HttpResponse:
    membership = _membership(request, team_id, membership_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        with errors_told(request):
            services.change_role(membership, role=form.cleaned_data["role"], actor=request.actor)
            messages.success(request, f"{membership.user.display_name} has a new role.")
    return redirect("teams:members", team_id)


@require_POST
@signed_in
def member_remove(request: SignedInRequest, team_id: int, membership_id: int) -> HttpResponse:
    membership = _membership(request, team_id, membership_id)
    left = membership.user_id == request.actor.user_id
    with errors_told(request):
        services.remove_member(membership, actor=request.actor)
        name = membership.user.display_name
        messages.success(request, "You have left the team." if left else f"{name} is removed.")
    still_there = Team.objects.visible_to(request.actor).filter(pk=team_id).exists()
    return redirect("teams:members", team_id) if still_there else redirect("teams:list")


@get_or_post
@signed_in
def team_models(request: SignedInRequest, team_id: int) -> HttpResponse:
    team, can_edit = _team(request, team_id)
    granted = {kind: list(getattr(team, kind).all()) for kind in services.GRANT_FIELDS}
    form = None
    if request.actor.is_platform_admin:
        form = GrantsForm(request.POST or None, initial=granted)
    if request.method == "POST":
        _require(form is not None, "Only platform administrators grant models.")
        if form is not None and form.is_valid():
            services.set_grants(team, form.cleaned_data, actor=request.actor)
            messages.success(request, "The models of the team are saved.")
            return redirect("teams:models", team.pk)
    context = {**_shared(request, team, can_edit, "models"), "form": form, "granted": granted}
    return render(request, "teams/models.html", context)


@get_or_post
@signed_in
def team_settings(request: SignedInRequest, team_id: int) -> HttpResponse:
    team, can_edit = _team(request, team_id)
    _require(can_edit)
    form = TeamSettingsForm(
        request.POST or None,
        initial={"name": team.name, "time_zone": team.time_zone},
        sets_time_zone=request.actor.is_platform_admin,
    )
    if request.method == "POST" and form.is_valid():
        zone = form.cleaned_data["time_zone"]
        services.set_time_zone(team, time_zone=zone, actor=request.actor)
        services.rename_team(team, name=form.cleaned_data["name"], actor=request.actor)
        messages.success(request, "The team is saved.")
        return redirect("teams:settings", team.pk)
    context = {**_shared(request, team, can_edit, "settings"), "form": form}
    return render(request, "teams/settings.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def team_delete(request: SignedInRequest, team_id: int) -> HttpResponse:
    team, _ = _team(request, team_id)
    _require(request.actor.is_platform_admin, "Only platform administrators delete teams.")
    if request.POST.get("confirmation") != team.name:
        messages.error(request, "The name did not match, so nothing was deleted.")
        return redirect("teams:settings", team.pk)
    with errors_told(request):
        services.delete_team(team, actor=request.actor)
        messages.success(request, f"The team “{team.name}” is deleted.")
        return redirect("teams:list")
    return redirect("teams:settings", team.pk)


def for_editors(request: SignedInRequest, team_id: int, current: str) -> dict[str, Any]:
    """Return the context of a page that only admins of the team may open.

    Raises Http404 for a team that is not visible, Forbidden for one that is not editable.
    """
    team, can_edit = _team(request, team_id)
    _require(can_edit)
    return _shared(request, team, can_edit, current)


def _team(request: SignedInRequest, team_id: int) -> tuple[Team, bool]:
    rows = Team.objects.visible_to(request.actor).with_branding()
    team = get_object_or_404(rows, pk=team_id)
    return team, Team.objects.editable_by(request.actor).filter(pk=team_id).exists()


def _membership(request: SignedInRequest, team_id: int, membership_id: int) -> Membership:
    rows = Membership.objects.visible_to(request.actor).select_related("team", "user")
    return get_object_or_404(rows, pk=membership_id, team_id=team_id)


def _require(allowed: bool, message: str = "Only admins of the team may do this.") -> None:
    if not allowed:
        raise Forbidden(message)


def _add_or_invite(request: SignedInRequest, team: Team, form: InviteForm) -> bool:
    """Add whom the actor knows; anybody else is invited, and nothing is told of them."""
    role = form.cleaned_data["role"]
    with errors_on(form):
        if form.person is not None:
            services.add_member(team, form.person, role=role, actor=request.actor)
            messages.success(request, f"{form.person.display_name} is now in the team.")
        else:
            email = form.cleaned_data["who"]
            services.invite_to_team(team, email=email, role=role, actor=request.actor)
            messages.success(request, told(email))
    return form.is_valid()


def _shared(request: SignedInRequest, team: Team, can_edit: bool, current: str) -> dict[str, Any]:
    pages = [("members", "Members", "teams:members"), ("models", "Models", "teams:models")]
    if can_edit:
        pages += [
            ("analytics", "Analytics", "metering:team_analytics"),
            ("guards", "Guards", "guards:team_analytics"),
            ("budgets", "Budgets", "metering:team_budgets"),
            ("branding", "Branding", "teams:branding"),
            ("settings", "Settings", "teams:settings"),
        ]
    tabs = [
        tab(label, reverse(name, args=[team.pk]), is_current=key == current)
        for key, label, name in pages
    ]
    return {"team": team, "can_edit": can_edit, "tabs": tabs}
