"""Pages of labelled sets."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import SignedInRequest, signed_in
from guards.models import GuardSet
from inference.bench import sets as services
from inference.bench.forms import SetForm, UploadForm
from inference.bench.pages import require_a_bench, set_for, tabs, teams_of
from restai_site.ui.forms import errors_on
from restai_site.ui.tables import table_of
from teams.switching import working_team_id

get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@signed_in
def sets(request: SignedInRequest) -> HttpResponse:
    """The sets of the actor's benches, and the shipped ones."""
    require_a_bench(request.actor)
    rows = GuardSet.objects.visible_to(request.actor).select_related("team")
    team_id = working_team_id(request, request.actor)
    if team_id is not None:
        rows = rows.filter(Q(team_id=team_id) | Q(team__isnull=True))
    rows = rows.annotate(
        texts=Count("cases"), unsafe=Count("cases", filter=Q(cases__expected="unsafe"))
    )
    table = table_of(
        request,
        rows,
        sorts={"name": "name", "team": "team__name", "created": "created_at"},
        default="name",
        search=["name", "description"],
    )
    return render(request, "guards/bench_sets.html", {"table": table, "tabs": tabs("sets")})


@get_or_post
@signed_in
def set_new(request: SignedInRequest) -> HttpResponse:
    """Upload a set."""
    teams, team = teams_of(request)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        with errors_on(form):
            made = services.create_set(
                team,
                name=values["name"],
                description=values["description"],
                file=values["file"],
                form=form.form,
                actor=request.actor,
            )
            messages.success(request, f"The set “{made.name}” is ready.")
            return redirect("bench:set", made.pk)
    context = {"teams": teams, "team": team, "form": form}
    return render(request, "guards/bench_set_new.html", context, status=400 if form.errors else 200)


@get_or_post
@signed_in
def guard_set(request: SignedInRequest, guard_set_id: int) -> HttpResponse:
    """One set with its texts; its name and description to change."""
    found = set_for(request, guard_set_id)
    initial = {"name": found.name, "description": found.description}
    form = SetForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            services.update_set(found, form.cleaned_data, actor=request.actor)
            messages.success(request, "The set is saved.")
            return redirect("bench:set", found.pk)
    table = table_of(
        request,
        found.cases.all(),
        sorts={"position": "position", "expected": "expected", "category": "category"},
        default="position",
        search=["text", "category"],
    )
    context = {"set": found, "form": form, "table": table, "runs": found.runs.count()}
    return render(request, "guards/bench_set.html", context, status=400 if form.errors else 200)


@require_POST
@signed_in
def set_delete(request: SignedInRequest, guard_set_id: int) -> HttpResponse:
    found = set_for(request, guard_set_id)
    services.delete_set(found, actor=request.actor)
    messages.success(request, f"The set “{found.name}” is deleted.")
    return redirect("bench:sets")
