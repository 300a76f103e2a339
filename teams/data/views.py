"""Page: what the platform has about a team, as a file."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, signed_in
from accounts.personal import files
from restai_site.ui.forms import errors_told
from teams.data import services
from teams.data.models import TeamExport
from teams.views import for_editors

SHOWN = 20


@require_safe
@signed_in
def data(request: SignedInRequest, team_id: int) -> HttpResponse:
    """Show the files that were made, and how far the one is that is being made."""
    context = for_editors(request, team_id, "settings")
    rows = TeamExport.objects.visible_to(request.actor).filter(team_id=team_id)
    context["exports"] = list(rows.select_related("asked_by").defer("content")[:SHOWN])
    return render(request, "teams/data.html", context)


@require_POST
@signed_in
def make(request: SignedInRequest, team_id: int) -> HttpResponse:
    """Have a file made."""
    team = for_editors(request, team_id, "settings")["team"]
    with errors_told(request):
        services.ask(team, actor=request.actor)
    return redirect("teams:data", team_id)


@require_safe
@signed_in
def fetch(request: SignedInRequest, team_id: int, team_export_id: int) -> HttpResponse:
    """Answer with a file."""
    rows = TeamExport.objects.visible_to(request.actor).defer("content")
    export = get_object_or_404(rows, pk=team_export_id, team_id=team_id)
    content = services.fetch(export, actor=request.actor)
    return files.answer(content, f"team-{team_id}-{export.created_at:%Y-%m-%d}.zip")
