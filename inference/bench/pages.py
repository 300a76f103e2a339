"""What the pages of the test bench share."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.access import SignedInRequest
from guards.bench_querysets import bench_teams
from guards.measures import Matrix, Point
from guards.models import GuardRun, GuardSet
from projects.models import Project
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Forbidden
from restai_site.lib.requests import number_in
from restai_site.ui.charts import Chart, Series
from restai_site.ui.tables import ROWS_PER_PAGE, Table, tab
from teams.models import Team
from teams.switching import chosen_team_id

FOR_WHOM = "The test bench is for those who edit a project or run a team."
TABS = (
    ("runs", "Runs", "bench:runs"),
    ("sets", "Sets", "bench:sets"),
    ("try", "Try a text", "bench:try"),
)


def tabs(current: str) -> list[dict[str, Any]]:
    """Return the tabs of the bench."""
    return [tab(label, reverse(name), is_current=key == current) for key, label, name in TABS]


def require_a_bench(actor: Actor) -> None:
    """Raise Forbidden for whoever has no bench to work on."""
    if not bench_teams(actor).exists():
        raise Forbidden(FOR_WHOM)


def teams_of(request: SignedInRequest) -> tuple[list[Team], Team]:
    """Return the teams whose bench the actor works on, and the one that the request names.

    Raises Forbidden where there is none, and for one of others.
    """
    teams = list(bench_teams(request.actor).order_by("name"))
    if not teams:
        raise Forbidden(FOR_WHOM)
    named = request.POST.get("team") or request.GET.get("team")
    if named:
        team = next((one for one in teams if one.pk == number_in(named)), None)
        if team is None:
            raise Forbidden(FOR_WHOM)
        return teams, team
    working_in = chosen_team_id(request)
    return teams, next((one for one in teams if one.pk == working_in), teams[0])


def set_for(request: SignedInRequest, guard_set_id: int) -> GuardSet:
    """Return a visible set. Raises Http404."""
    rows = GuardSet.objects.visible_to(request.actor).select_related("team", "owner")
    return get_object_or_404(rows, pk=guard_set_id)


def run_for(request: SignedInRequest, run_id: int | None) -> GuardRun:
    """Return a visible run. Raises Http404."""
    rows = GuardRun.objects.visible_to(request.actor)
    return get_object_or_404(rows.select_related("team", "set", "started_by"), pk=run_id)


def shows_prompt(run: GuardRun, actor: Actor) -> bool:
    """Tell whether the actor may read the prompt of a run: as an editor of the guard."""
    if actor.is_platform_admin:
        return True
    return (
        run.guard_id is not None
        and Project.objects.editable_by(actor).filter(pk=run.guard_id).exists()
    )


def page_of(request: HttpRequest, rows: QuerySet[Any] | list[Any]) -> Table[Any]:
    """Return the page of `rows`, in their order, that the address asks for."""
    page = Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    return Table(page=page, query="", sort="", kept=[])


def percent(share: float | None) -> str:
    """Return a share as people read it."""
    if share is None:
        return "\N{EN DASH}"
    return f"{share * 100:.1f}".removesuffix(".0") + "\N{NO-BREAK SPACE}%"


def threshold_chart(points: list[Point]) -> Chart:
    """Return the chart of what would be found and blamed at each threshold."""
    at_zero, at_half = points[0], points[len(points) // 2]
    summary = (
        f"recall {percent(at_zero.recall)} at 0, {percent(at_half.recall)} at {at_half.threshold:g}"
    )
    series = [
        Series("Recall", [point.recall for point in points], "one"),
        Series("False alarms", [point.false_alarm_rate for point in points], "bad"),
    ]
    return Chart(
        "chart-thresholds",
        "Thresholds",
        summary,
        "line",
        [f"{point.threshold:g}" for point in points],
        series,
        percent,
        unit="%",
        bucket_label="Threshold",
    )


def shares_of(matrix: Matrix) -> list[tuple[str, str, str]]:
    """Return the figures of a matrix: name, value, what it means."""
    unsafe, safe = matrix.tp + matrix.fn, matrix.fp + matrix.tn
    return [
        ("Recall", percent(matrix.recall), f"{matrix.tp} of {unsafe} unsafe texts found"),
        ("Precision", percent(matrix.precision), f"{matrix.tp} of {matrix.tp + matrix.fp} alarms"),
        ("F1", percent(matrix.f1), "of precision and recall"),
        ("False alarms", percent(matrix.false_alarm_rate), f"{matrix.fp} of {safe} safe texts"),
    ]
