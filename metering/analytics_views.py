"""Pages of use over time: the dashboard, a team's and a project's."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, signed_in
from metering.charts import charts_of
from metering.comparisons import figures_of
from metering.leaders import GONE, KINDS, WAYS, Leader, leaders, names_of, ways_of
from metering.scope import IDS, Filters, Scope
from metering.spans import period_of, periods
from metering.statistics import Statistics
from projects.views import for_readers
from teams.switching import PARAMETER, chosen_team_id, working_team_id
from teams.views import for_editors


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is in force, and the address without it."""

    label: str
    value: str
    url: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table of leaders. `url` narrows the dashboard to it."""

    name: str
    url: str
    leader: Leader


@dataclass(frozen=True, slots=True)
class Board:
    """A table of leaders."""

    way: str
    title: str
    lines: list[Line]
    csv_url: str


@require_safe
@signed_in
def dashboard(request: SignedInRequest) -> HttpResponse:
    """Show use over a period: totals, charts, and who and what used the most."""
    # The team of the address, or else the one that was chosen to work in.
    team = working_team_id(request, request.actor)
    filters = replace(Filters.of(request.GET), team=team)
    context = statistics_context(request, filters)
    context["chips"] = _chips(request, filters)
    return render(request, "metering/dashboard.html", context)


@require_safe
@signed_in
def team_analytics(request: SignedInRequest, team_id: int) -> HttpResponse:
    """Show what a team has used, to those who run it."""
    context = for_editors(request, team_id, "analytics")
    context |= statistics_context(request, Filters(team=team_id))
    return render(request, "metering/team_analytics.html", context)


@require_safe
@signed_in
def project_analytics(request: SignedInRequest, project_id: int) -> HttpResponse:
    """Show what a project was used for: all of it to those who run its team, else one's own."""
    context = for_readers(request, project_id, "analytics")
    context |= statistics_context(request, Filters(project=project_id))
    return render(request, "metering/project_analytics.html", context)


def statistics_context(request: SignedInRequest, filters: Filters) -> dict[str, Any]:
    """Return what the body of a page of statistics needs."""
    period = period_of(request.GET.get("period", ""))
    scope = Scope(request.actor, filters)
    statistics = Statistics(scope, period)
    context: dict[str, Any] = {
        "periods": periods(),
        "period": period,
        "scope": scope,
        "as_of": statistics.as_of,
        "totals": statistics.totals,
        "is_empty": statistics.totals.requests == 0,
        "csv_url": _csv_url(filters, period.key),
    }
    if not context["is_empty"]:
        found = leaders(statistics, ways_of(scope))
        context |= {
            "figures": figures_of(statistics),
            "charts": charts_of(statistics),
            "boards": [
                _board(request, way, rows, filters)
                for way, rows in found.items()
                # One kind of calls is no comparison.
                if len(rows) > 1 or (rows and way != "kind")
            ],
        }
    return context


def _board(request: SignedInRequest, way: str, rows: list[Leader], filters: Filters) -> Board:
    period = period_of(request.GET.get("period", "")).key
    lines = [_line(request, row, filters) for row in rows]
    return Board(way, f"{WAYS[way].title}s by cost", lines, _csv_url(filters, period, by=way))


def _line(request: SignedInRequest, row: Leader, filters: Filters) -> Line:
    name = KINDS.get(row.name, row.name) if row.by == "kind" else row.name
    url = _address(request, {**filters.given, row.by: row.key}) if row.key else ""
    return Line(name, url, row)


def _chips(request: SignedInRequest, filters: Filters) -> list[Chip]:
    given = filters.given
    wanted = {way: {given[way]} for way in IDS if given.get(way)}
    names = names_of(wanted, request.actor)
    chips = []
    for way, value in given.items():
        shown = KINDS.get(value, value) if way not in IDS else names.get((way, value), GONE)
        rest = {key: other for key, other in given.items() if key != way}
        chips.append(Chip(WAYS[way].title, shown, _address(request, rest)))
    return chips


def _address(request: SignedInRequest, query: dict[str, Any]) -> str:
    """Return the address of the dashboard with these filters and the period of the page."""
    if PARAMETER not in query and chosen_team_id(request) is not None:
        # Without it the team that was chosen to work in would narrow the page.
        query = {**query, PARAMETER: ""}
    if "period" in request.GET:
        query = {**query, "period": period_of(request.GET["period"]).key}
    return f"{reverse('dashboard')}?{urlencode(query)}" if query else reverse("dashboard")


def _csv_url(filters: Filters, period: str, **more: str) -> str:
    return f"{reverse('analytics-csv')}?{urlencode({**filters.given, 'period': period, **more})}"
