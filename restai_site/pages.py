"""Pages of the platform as a whole: the dashboard, the search, and what is shown when all fails."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, signed_in
from catalog.models import LLM
from metering.models import UsageRecord
from metering.statistics import Statistics, period_of, periods
from projects.models import Project
from restai_site.frame import Frame, Link
from restai_site.ui.tables import clean_query
from teams.models import Team
from teams.switching import working_team_id

FOUND_EACH = 8


@require_safe
@signed_in
def dashboard(request: SignedInRequest) -> HttpResponse:
    """Use over a period: totals, four charts, and who and what used the most."""
    ledger = UsageRecord.objects.visible_to(request.actor)
    team = working_team_id(request, request.actor)
    if team is not None:
        ledger = ledger.filter(team_id=team)
    period = period_of(request.GET.get("period", ""))
    statistics = Statistics(ledger, period)
    context: dict[str, Any] = {
        "periods": periods(),
        "period": period,
        "statistics": statistics,
        "totals": statistics.totals,
        "is_empty": statistics.totals.requests == 0,
    }
    if not context["is_empty"]:
        context["top_projects"] = _named(request, statistics.leaders("project_id"))
        context["top_models"] = statistics.leaders("model_name")
    return render(request, "dashboard.html", context)


@require_safe
@signed_in
def search(request: SignedInRequest) -> HttpResponse:
    """Pages, projects and teams by a part of their name; the palette shows the list alone."""
    query = clean_query(request.GET.get("q", ""))
    results = _pages(request, query) + _rows(request, query) if query else []
    is_fragment = request.headers.get("X-Fragment") == "palette"
    template = "ui/palette_results.html" if is_fragment else "search.html"
    return render(request, template, {"query": query, "results": results})


def _named(request: SignedInRequest, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the names of the projects that the actor may see."""
    numbers = [row["project_id"] for row in rows]
    visible = Project.objects.visible_to(request.actor).filter(pk__in=numbers)
    names = dict(visible.values_list("pk", "name"))
    return [{**row, "name": names.get(row["project_id"])} for row in rows]


def _pages(request: SignedInRequest, query: str) -> list[Link]:
    words = query.casefold()
    return [link for link in Frame(request).palette if words in link.label.casefold()]


def _rows(request: SignedInRequest, query: str) -> list[Link]:
    projects = Project.objects.visible_to(request.actor).filter(name__icontains=query)
    found = [
        Link(one.name, reverse("projects:overview", args=[one.pk]), "folder", one.team.name)
        for one in projects.select_related("team")[:FOUND_EACH]
    ]
    teams = Team.objects.visible_to(request.actor).filter(name__icontains=query)[:FOUND_EACH]
    found += [
        Link(one.name, reverse("teams:members", args=[one.pk]), "users-group", "Team")
        for one in teams
    ]
    if request.actor.is_platform_admin:
        models = LLM.objects.visible_to(request.actor).filter(name__icontains=query)[:FOUND_EACH]
        found += [
            Link(one.name, reverse("catalog:edit", args=["llms", one.pk]), "cpu", "Model")
            for one in models
        ]
    return found


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    return render(request, "403.html", status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without the request: whatever failed may be what its context would ask."""
    return HttpResponse(loader.get_template("500.html").render(), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token does not hold: the page was open for too long, or is not ours."""
    return render(request, "csrf.html", status=403)
