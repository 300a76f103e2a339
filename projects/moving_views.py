"""Pages: moving a project to another team. What will be lost stands above the button."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts.access import SignedInRequest, signed_in
from projects import services
from projects.forms import MoveForm
from projects.models import Project
from projects.views import for_managers, get_or_post
from restai_site.ui.forms import errors_on
from teams.models import Team


@get_or_post
@signed_in
def project_move(request: SignedInRequest, project_id: int) -> HttpResponse:
    """Ask for the team (`?new_team=`), show what the move would end, and move."""
    context = for_managers(request, project_id, "settings")
    project = context["project"]
    sent = request.POST if request.method == "POST" else request.GET
    form = MoveForm(sent if "new_team" in sent else None, teams=other_teams(request, project))
    losses = None
    if form.is_valid():
        with errors_on(form):
            team = form.cleaned_data["new_team"]
            if request.method == "POST":
                services.move_project(project, team, actor=request.actor)
                messages.success(request, f"“{project.name}” now belongs to “{team.name}”.")
                return redirect("projects:settings", project.pk)
            losses = services.losses_of_move(project, team, actor=request.actor)
    context |= {"form": form, "losses": losses}
    return render(request, "projects/move.html", context, status=400 if form.errors else 200)


def other_teams(request: SignedInRequest, project: Project) -> QuerySet[Team]:
    """Return the teams to which the actor may move the project."""
    return Team.objects.editable_by(request.actor).exclude(pk=project.team_id)
