"""Pages: how retention stands, and the periods of a team or a project."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import SignedInRequest, platform_admin, signed_in
from projects.retention import engine, services
from projects.retention.forms import RulesForm
from projects.retention.kinds import kinds
from projects.retention.models import RetentionRun
from projects.retention.shown import standings
from projects.views import for_managers
from restai_site.ui.forms import errors_on
from restai_site.ui.settings_tabs import tabs_of_settings
from restai_site.ui.tables import table_of
from teams.views import for_editors as for_team_admins

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
PAGE = "retention-runs"
SORTS = {"started": "started_at", "deleted": "deleted"}


@require_safe
@platform_admin
def retention(request: SignedInRequest) -> HttpResponse:
    """How each kind stands, what would go now (?count=1), and the last removals."""
    runs = RetentionRun.objects.visible_to(request.actor)
    titles = {kind.slug: kind.title for kind in kinds()}
    table = table_of(request, runs, sorts=SORTS, default="-started")
    counted = engine.preview() if request.GET.get("count") == "1" else None
    context = {
        "standings": [(one, counted[one.kind.slug] if counted else None) for one in standings()],
        "is_counted": counted is not None,
        "table": table,
        "runs": [(titles.get(run.kind, run.kind), run) for run in table.rows],
        "tabs": tabs_of_settings(PAGE),
    }
    return render(request, "projects/retention/runs.html", context)


@require_POST
@platform_admin
def purge(request: SignedInRequest) -> HttpResponse:
    """Have what is over removed in the background."""
    services.ask_for_purge(actor=request.actor)
    messages.success(request, "What is over is being removed in the background.")
    return redirect("projects:retention")


@get_or_post
@signed_in
def team_retention(request: SignedInRequest, team_id: int) -> HttpResponse:
    """For how long a team keeps what is said in its projects."""
    context = for_team_admins(request, team_id, "settings")
    return _rules(request, context["team"], "projects/retention/team.html", context)


@get_or_post
@signed_in
def project_retention(request: SignedInRequest, project_id: int) -> HttpResponse:
    """For how long a project keeps what is said in it."""
    context = for_managers(request, project_id, "settings")
    return _rules(request, context["project"], "projects/retention/project.html", context)


def _rules(
    request: SignedInRequest, owner: services.Owner, template: str, context: dict[str, Any]
) -> HttpResponse:
    form = RulesForm(request.POST if request.method == "POST" else None, owner=owner)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.set_rules(owner, form.cleaned_data, actor=request.actor)
            messages.success(request, "The periods are saved.")
            return redirect(request.path)
    context |= {"form": form}
    return render(request, template, context, status=400 if form.errors else 200)
