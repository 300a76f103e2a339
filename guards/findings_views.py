"""Pages of findings: lists, one finding, and its review."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, platform_admin, signed_in
from guards import reviewing
from guards.areas import FINDINGS, Area, platform_area, project_area, team_area
from guards.findings import Shown, shown
from guards.findings_filters import FindingsFilters, choices_of
from guards.models import GuardEvent
from guards.review_forms import ReviewForm
from restai_site.ui.forms import errors_told, safe_next
from restai_site.ui.tables import table_of
from teams.querysets import admin_memberships_of


@require_safe
@platform_admin
def platform_events(request: SignedInRequest) -> HttpResponse:
    """List what all guards found."""
    return _page(request, platform_area())


@require_safe
@signed_in
def team_events(request: SignedInRequest, team_id: int) -> HttpResponse:
    """List what guards found for a team, to those who run it."""
    return _page(request, team_area(request, team_id))


@require_safe
@signed_in
def project_events(request: SignedInRequest, project_id: int) -> HttpResponse:
    """List what guards found for a project, to its editors."""
    return _page(request, project_area(request, project_id))


@require_safe
@signed_in
def event(request: SignedInRequest, event_id: str) -> HttpResponse:
    """Show one finding, with its text where that is kept, and what people said of it."""
    found = _visible(request, event_id)
    form = ReviewForm(initial={"verdict": found.review, "note": found.review_note})
    return _event_page(request, found, form)


@require_POST
@signed_in
def event_review(request: SignedInRequest, event_id: str) -> HttpResponse:
    found = _visible(request, event_id)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return _event_page(request, found, form, status=400)
    with errors_told(request):
        said = form.cleaned_data
        reviewing.review(found, verdict=said["verdict"], note=said["note"], actor=request.actor)
        messages.success(request, f"Reviewed as {said['verdict']}.")
    return redirect(safe_next(request, reverse("guards:event", args=[event_id])))


@require_POST
@signed_in
def event_withdraw(request: SignedInRequest, event_id: str) -> HttpResponse:
    found = _visible(request, event_id)
    reviewing.withdraw_review(found, actor=request.actor)
    messages.success(request, "The review is withdrawn.")
    return redirect(safe_next(request, reverse("guards:event", args=[event_id])))


def _page(request: SignedInRequest, area: Area) -> HttpResponse:
    filters = FindingsFilters.of(request.GET.dict(), area.zone, **area.fixed)
    table = table_of(
        request,
        shown(filters.rows(request.actor)),
        sorts={"when": "created_at"},
        default="-when",
    )
    project = area.project
    context: dict[str, Any] = {
        **area.shared(FINDINGS),
        "table": table,
        "lines": [Shown(row) for row in table.rows],
        "filters": filters,
        "choices": choices_of(request.actor, area, filters),
        "keeps_nothing": project is not None and not project.keeps_conversations,
        "csv_url": f"{reverse('guard-events-csv')}?{filters.query}",
    }
    return render(request, "guards/events.html", context)


def _visible(request: SignedInRequest, event_id: str) -> Any:
    rows = shown(GuardEvent.objects.visible_to(request.actor))
    return get_object_or_404(rows.select_related("user", "reviewed_by"), pk=event_id)


def _event_page(
    request: SignedInRequest, found: GuardEvent, form: ReviewForm, *, status: int = 200
) -> HttpResponse:
    runs_team = (
        request.actor.is_platform_admin
        or admin_memberships_of(request.actor).filter(team=found.team).exists()
    )
    context = {
        "finding": Shown(found),
        "event": found,
        "form": form,
        # Whose calls there were is told to who reads the team's ledger, and to nobody else.
        "shows_user": runs_team,
        "list_url": _list_url(found, runs_team=runs_team),
    }
    return render(request, "guards/event.html", context, status=status)


def _list_url(found: GuardEvent, *, runs_team: bool) -> str:
    if found.project_id is not None:
        return reverse("guards:project_events", args=[found.project_id])
    if found.team_id is not None and runs_team:
        return reverse("guards:team_events", args=[found.team_id])
    return reverse("guards:events")
