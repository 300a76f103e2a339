"""Pages: erasing a team, and how far that has got."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest, platform_admin
from projects.erasing import services
from projects.erasing.models import TeamErasure
from restai_site.ui.forms import errors_told
from restai_site.ui.tables import table_of
from teams.models import Team


@require_safe
@platform_admin
def erasures(request: SignedInRequest) -> HttpResponse:
    """Show which teams were erased, and how far that is."""
    rows = TeamErasure.objects.visible_to(request.actor)
    sorts = {"asked": "asked_at", "name": "name"}
    table = table_of(request, rows, sorts=sorts, default="-asked")
    return render(request, "projects/team_erasures.html", {"table": table})


@require_POST
@platform_admin
def erase(request: SignedInRequest, team_id: int) -> HttpResponse:
    """Have a team erased, once its name was typed."""
    team = get_object_or_404(Team.objects.editable_by(request.actor), pk=team_id)
    if request.POST.get("confirmation") != team.name:
        messages.error(request, "The name did not match, so nothing was erased.")
        return redirect("teams:settings", team.pk)
    with errors_told(request):
        services.ask(team, actor=request.actor)
        messages.success(request, f"The team “{team.name}” is being erased in the background.")
        return redirect("projects:team_erasures")
    return redirect("teams:settings", team.pk)
