"""Pages: the list of projects, a project's overview, prompt, API, access and settings."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import SignedInRequest, signed_in
from projects import services, snippets
from projects.consequences import consequences_of_leaving
from projects.diff import side_by_side
from projects.forms import (
    NewProjectForm,
    PromptForm,
    SettingsForm,
)
from projects.models import Project, PromptVersion
from projects.panels import panels_of
from restai_site.lib.errors import Forbidden
from restai_site.lib.requests import number_in
from restai_site.ui.forms import errors_on
from restai_site.ui.tables import tab, table_of
from teams.models import Team
from teams.switching import chosen_team_id, working_team_id

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
VERSIONS_SHOWN = 100
SETTINGS = (
    *("name", "description", "llm", "temperature", "top_p", "max_tokens"),
    "inference_logging",
    "masks_logs",
)


@require_safe
@signed_in
def project_list(request: SignedInRequest) -> HttpResponse:
    rows = Project.objects.visible_to(request.actor).select_related("team", "llm")
    team = working_team_id(request, request.actor)
    if team is not None:
        rows = rows.filter(team_id=team)
    table = table_of(
        request,
        rows,
        sorts={"name": "name", "changed": "updated_at", "team": "team__name"},
        default="name",
        search=["name", "description", "team__name", "llm__name"],
    )
    may_create = Team.objects.editable_by(request.actor).exists()
    return render(request, "projects/list.html", {"table": table, "may_create": may_create})


@get_or_post
@signed_in
def project_new(request: SignedInRequest) -> HttpResponse:
    teams = list(Team.objects.editable_by(request.actor))
    if not teams and not request.actor.is_platform_admin:
        raise Forbidden("Only admins of a team may create projects.")
    working_in = str(chosen_team_id(request) or "") if request.method != "POST" else ""
    chosen = request.POST.get("team") or request.GET.get("team") or working_in
    team = next((team for team in teams if str(team.pk) == chosen), None)
    if team is None and request.method == "POST":
        raise Forbidden("Only admins of the team may create projects in it.")
    team = team or next(iter(teams), None)
    if team is None:
        return render(request, "projects/new.html", {"teams": teams, "team": None})
    form = NewProjectForm(request.POST or None, team=team)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            project = services.create_project(team, form.cleaned_data, actor=request.actor)
            messages.success(request, f"The project “{project.name}” is ready.")
            return redirect("projects:overview", project.pk)
    models = form.fields["llm"].queryset.exists()  # type: ignore[attr-defined]
    context = {"form": form, "teams": teams, "team": team, "has_models": models}
    return render(request, "projects/new.html", context, status=400 if form.errors else 200)


@require_safe
@signed_in
def overview(request: SignedInRequest, project_id: int) -> HttpResponse:
    context = for_readers(request, project_id, "overview")
    project = context["project"]
    panels = panels_of(request, project)
    context |= {
        "panels": panels,
        "needs_charts": any(panel.needs_charts for panel in panels),
        "is_answering": project.llm.enabled
        and project.team.llms.filter(pk=project.llm_id).exists(),
        "member_count": project.members.count(),
    }
    return render(request, "projects/overview.html", context)


@get_or_post
@signed_in
def prompt(request: SignedInRequest, project_id: int) -> HttpResponse:
    context = for_editors(request, project_id, "prompt")
    project = context["project"]
    form = PromptForm(request.POST or None, initial={"text": project.system_prompt})
    if request.method == "POST" and form.is_valid():
        version = services.set_prompt(
            project, form.cleaned_data["text"], note=form.cleaned_data["note"], actor=request.actor
        )
        saved = f"Version {version.number} is in use." if version else "Nothing has changed."
        messages.success(request, saved)
        return redirect("projects:prompt", project.pk)
    versions = project.prompt_versions.select_related("author").defer("text")[:VERSIONS_SHOWN]
    context |= {"form": form, "versions": versions, "comparison": _comparison(request, project)}
    return render(request, "projects/prompt.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def prompt_restore(request: SignedInRequest, project_id: int, number: int) -> HttpResponse:
    project = for_editors(request, project_id, "prompt")["project"]
    version = get_object_or_404(
        PromptVersion.objects.select_related("project"), project=project, number=number
    )
    restored = services.restore_prompt(version, actor=request.actor)
    words = f"Version {number} is in use again, as version {restored.number}." if restored else ""
    messages.success(request, words or f"The prompt is already as in version {number}.")
    return redirect("projects:prompt", project_id)


@require_safe
@signed_in
def api(request: SignedInRequest, project_id: int) -> HttpResponse:
    context = for_readers(request, project_id, "api")
    language = snippets.language_of(request.GET.get("language", ""))
    address = request.build_absolute_uri("/").rstrip("/") if settings.DEBUG else settings.PUBLIC_URL
    context |= {
        "address": address,
        "language": language,
        "languages": [
            tab(one.label, f"?language={one.key}", is_current=one is language)
            for one in snippets.LANGUAGES
        ],
        "snippets": snippets.snippets(language, address, context["project"]),
    }
    return render(request, "projects/api.html", context)


@get_or_post
@signed_in
def project_settings(request: SignedInRequest, project_id: int) -> HttpResponse:
    context = for_editors(request, project_id, "settings")
    project = context["project"]
    initial = {name: getattr(project, name) for name in SETTINGS}
    form = SettingsForm(request.POST or None, initial=initial, project=project)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.update_project(
                project,
                {name: form.cleaned_data[name] for name in SETTINGS},
                delete_conversations=form.cleaned_data.get("delete_conversations", False),
                actor=request.actor,
            )
            messages.success(request, "The settings are saved.")
            return redirect("projects:settings", project.pk)
    context["form"] = form
    if context["can_manage"]:
        others = Team.objects.editable_by(request.actor).exclude(pk=project.team_id)
        context["may_move"] = others.exists()
        context["consequences"] = consequences_of_leaving(project)
    return render(request, "projects/settings.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def project_delete(request: SignedInRequest, project_id: int) -> HttpResponse:
    context = for_editors(request, project_id, "settings")
    require_manager(context)
    project = context["project"]
    if request.POST.get("confirmation") != project.name:
        messages.error(request, "The name did not match, so nothing was deleted.")
        return redirect("projects:settings", project.pk)
    services.delete_project(project, actor=request.actor)
    messages.success(request, f"The project “{project.name}” is deleted.")
    return redirect("projects:list")


def for_readers(request: SignedInRequest, project_id: int, current: str) -> dict[str, Any]:
    """Return the context of a page of a project that whoever uses the project may open.

    Raises Http404 for a project that is not visible.
    """
    rows = Project.objects.visible_to(request.actor).select_related("team", "llm")
    project = get_object_or_404(rows, pk=project_id)
    rights = project_rights(request, project)
    return {"project": project, "tabs": project_tabs(project, current, **rights), **rights}


def project_rights(request: SignedInRequest, project: Project) -> dict[str, bool]:
    """Return what the actor may do to a project that is visible to them."""
    managed = Project.objects.managed_by(request.actor).filter(pk=project.pk).exists()
    edited = managed or Project.objects.editable_by(request.actor).filter(pk=project.pk).exists()
    return {"can_edit": edited, "can_manage": managed}


def project_tabs(
    project: Project, current: str, *, can_edit: bool, can_manage: bool
) -> list[dict[str, Any]]:
    """Return the tabs of a project's pages; those of its editors only for them."""
    pages = [
        ("overview", "Overview", "projects:overview"),
        ("chat", "Chat", "inference:project_chat"),
        ("prompt", "Prompt", "projects:prompt"),
        ("api", "API", "projects:api"),
        ("analytics", "Analytics", "metering:project_analytics"),
        ("guards", "Guards", "guards:project_guards"),
        ("secrets", "Secrets", "projects:secrets"),
        ("widgets", "Widget", "widgets:widgets"),
        ("access", "Access", "projects:access"),
        ("log", "Log", "logs:log"),
        ("limits", "Limits", "metering:project_limits"),
        ("settings", "Settings", "projects:settings"),
    ]
    closed = {"prompt", "guards", "secrets", "widgets", "access", "log", "limits", "settings"}
    return [
        tab(label, reverse(name, args=[project.pk]), is_current=key == current)
        for key, label, name in pages
        if can_manage or (key not in {"limits", "log"} and (can_edit or key not in closed))
    ]


def for_editors(request: SignedInRequest, project_id: int, current: str) -> dict[str, Any]:
    """Return the context of a page that only editors of the project may open.

    Raises Http404 for a project that is not visible, Forbidden for one that is not editable.
    """
    context = for_readers(request, project_id, current)
    if not context["can_edit"]:
        raise Forbidden("Only editors of the project may open this page.")
    return context


def for_managers(request: SignedInRequest, project_id: int, current: str) -> dict[str, Any]:
    """Return the context of what only those do who decide on access. Raises as `for_editors`."""
    context = for_editors(request, project_id, current)
    require_manager(context)
    return context


def require_manager(context: dict[str, Any]) -> None:
    """Raise Forbidden unless the actor manages the project of `context`."""
    if not context["can_manage"]:
        raise Forbidden("Only admins of the team may do this.")


def _comparison(request: SignedInRequest, project: Project) -> dict[str, Any] | None:
    """Return the two versions that the address asks to see side by side."""
    new, old = (number_in(request.GET.get(name, "")) for name in ("to", "from"))
    if new is None:
        return None
    after = get_object_or_404(project.prompt_versions, number=new)
    before_number = after.number - 1 if old is None else old
    before = project.prompt_versions.filter(number=before_number).first()
    rows = side_by_side(before.text if before else "", after.text)
    return {"before": before, "after": after, "rows": rows}
