"""Pages of guards' figures: a project's, a team's and the platform's."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest, platform_admin, signed_in
from guards.areas import FIGURES, Area, platform_area, project_area, team_area
from guards.figures import charts_of, figures_of
from guards.filters import Filters
from guards.labels import detector_title
from guards.models import GuardBinding
from guards.periods import ZonedPeriod
from guards.statistics import GuardLine, Statistics
from metering.spans import periods

# By which filters figures are narrowed; lists of findings know more.
JUDGES = ("binding", "guard", "detector")
GONE = "No longer there"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table of guards; `url` narrows the page to it."""

    guard: GuardLine
    url: str


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is in force, and the address without it."""

    label: str
    value: str
    url: str


@require_safe
@platform_admin
def platform_analytics(request: SignedInRequest) -> HttpResponse:
    """Show what all guards did."""
    return _page(request, platform_area())


@require_safe
@signed_in
def team_analytics(request: SignedInRequest, team_id: int) -> HttpResponse:
    """Show what guards did for a team, to those who run it."""
    return _page(request, team_area(request, team_id))


@require_safe
@signed_in
def project_analytics(request: SignedInRequest, project_id: int) -> HttpResponse:
    """Show what guards did for a project, to its editors."""
    return _page(request, project_area(request, project_id))


def _page(request: SignedInRequest, area: Area) -> HttpResponse:
    filters = _judge_alone(area.filters(request), area)
    period = ZonedPeriod.of(request.GET.get("period", ""), area.zone)
    rows = filters.rows(request.actor)
    statistics = Statistics(rows, period, by_binding=area.kind == "project")
    is_empty = statistics.totals.checked == 0
    context: dict[str, Any] = {
        **area.shared(FIGURES),
        "periods": periods(),
        "period": period,
        "is_empty": is_empty,
        "chips": _chips(request, filters, statistics),
        "findings_url": _address(area.findings_url, filters, area, period),
    }
    if not is_empty:
        context |= {
            "figures": figures_of(statistics),
            "charts": charts_of(statistics),
            "categories": [
                (one, _address(area.findings_url, filters, area, period, category=one.value))
                for one in statistics.categories
            ],
            "lines": [_line(one, filters, area, period) for one in statistics.guards],
            "reviewed": statistics.totals.reviewed,
        }
    return render(request, "guards/analytics.html", context)


def _judge_alone(filters: Filters, area: Area) -> Filters:
    """Leave out what the page does not show as a filter: nobody would see that it narrows."""
    given = {name: value for name, value in filters.given.items() if name in JUDGES}
    return Filters(**{**given, **area.fixed})


def _line(guard: GuardLine, filters: Filters, area: Area, period: ZonedPeriod) -> Line:
    narrowing = {name: getattr(guard, name) for name in JUDGES if getattr(guard, name)}
    if not narrowing or narrowing.items() <= filters.given.items():
        return Line(guard, "")
    return Line(guard, _address(area.figures_url, filters, area, period, **narrowing))


def _address(url: str, filters: Filters, area: Area, period: ZonedPeriod, **more: Any) -> str:
    kept = {name: value for name, value in filters.given.items() if name not in area.fixed}
    found = {"outcome": "any"} if "category" in more else {}
    return f"{url}?{urlencode({**kept, **found, **more, 'period': period.key})}"


def _chips(request: SignedInRequest, filters: Filters, statistics: Statistics) -> list[Chip]:
    chips = []
    for name in JUDGES:
        value = filters.given.get(name)
        if value is not None:
            query = request.GET.copy()
            query.pop(name, None)
            shown = _name_of(request, name, value, statistics)
            chips.append(Chip("Guard", shown, f"?{query.urlencode()}"))
    return chips


def _name_of(request: SignedInRequest, way: str, value: Any, statistics: Statistics) -> str:
    """Return what a guard is called, to those who see it or anything that it has found."""
    if way == "detector":
        return detector_title(value)
    if way == "binding":
        binding = GuardBinding.objects.visible_to(request.actor).filter(pk=value).first()
        return binding.name if binding else GONE
    line = next((one for one in statistics.guards if one.guard == value), None)
    return line.name if line else GONE
