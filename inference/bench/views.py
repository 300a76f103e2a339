"""Pages of the test bench: runs, one run, two runs side by side, and a text by itself."""

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import SignedInRequest, signed_in
from guards.engine import label_of
from guards.models import GuardRun
from inference.bench import runs as services
from inference.bench.figures import changed_between, figures_of, matrix_of_run, misses
from inference.bench.forms import RenameForm, RunForm, TryForm, choices_of, chosen_by
from inference.bench.measuring import Payer, Said, judge_one
from inference.bench.pages import (
    page_of,
    percent,
    require_a_bench,
    run_for,
    shares_of,
    shows_prompt,
    tabs,
    teams_of,
    threshold_chart,
)
from metering.rate_limits import admit
from projects.diff import side_by_side
from restai_site.lib.errors import Conflict, NotFound
from restai_site.lib.requests import number_in
from restai_site.ui.forms import errors_on, errors_told
from restai_site.ui.tables import table_of
from teams.models import Team
from teams.switching import working_team_id

get_or_post = require_http_methods(["GET", "HEAD", "POST"])
OTHERS_SHOWN = 100


@require_safe
@signed_in
def runs(request: SignedInRequest) -> HttpResponse:
    """All runs of the actor's benches, newest first."""
    require_a_bench(request.actor)
    rows = GuardRun.objects.visible_to(request.actor).select_related("team", "set").defer("prompt")
    team_id = working_team_id(request, request.actor)
    if team_id is not None:
        rows = rows.filter(team_id=team_id)
    table = table_of(
        request,
        rows,
        sorts={"started": "pk", "label": "label", "set": "set__name", "guard": "guard_name"},
        default="-started",
        search=["label", "guard_name", "set__name"],
    )
    lines = [_line(one) for one in table.rows]
    context = {"table": table, "lines": lines, "tabs": tabs("runs")}
    return render(request, "guards/bench_runs.html", context)


@get_or_post
@signed_in
def run_new(request: SignedInRequest) -> HttpResponse:
    """Choose a guard and a set, and begin."""
    context = _with_judge(request, "runs")
    team, judge = context["team"], context["judge"]
    initial = {"set": number_in(request.GET.get("set", ""))}
    form = RunForm(
        request.POST or None, judge=judge, actor=request.actor, team=team, initial=initial
    )
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        with errors_on(form):
            run = services.start_run(
                team,
                values["set"],
                form.candidate,
                threshold=values["threshold"],
                label=values["label"],
                actor=request.actor,
            )
            return redirect("bench:run", run.pk)
    context["form"] = form
    return render(request, "guards/bench_run_new.html", context, status=400 if form.errors else 200)


@get_or_post
@signed_in
def try_text(request: SignedInRequest) -> HttpResponse:
    """What a guard says of one text, at once. Nothing is kept but what it cost."""
    context = _with_judge(request, "try")
    form = TryForm(request.POST or None, judge=context["judge"], actor=request.actor)
    if request.method == "POST" and form.is_valid():
        with errors_on(form):
            said = _verdict(form, context["team"], request)
            context |= {"said": said, "category": label_of(said.category) if said.category else ""}
    context["form"] = form
    return render(request, "guards/bench_try.html", context, status=400 if form.errors else 200)


@require_safe
@signed_in
def run(request: SignedInRequest, run_id: int) -> HttpResponse:
    """One run: how far it is, and how good the guard was."""
    found = run_for(request, run_id)
    if found.is_unfinished:
        return render(request, "guards/bench_run.html", {"run": found})
    if "HX-Request" in request.headers:
        # The page with its charts, in place of the one that waits.
        return HttpResponse(headers={"HX-Refresh": "true"})
    figures = figures_of(found)
    others = GuardRun.objects.visible_to(request.actor).filter(set_id=found.set_id)
    context = {
        "run": found,
        "matrix": figures.matrix,
        "shares": shares_of(figures.matrix),
        "chart": threshold_chart(figures.points),
        "table": page_of(request, misses(found)),
        "others": others.exclude(pk=found.pk).only("pk", "label")[:OTHERS_SHOWN],
        "shows_prompt": shows_prompt(found, request.actor),
        "form": RenameForm(initial={"label": found.label}),
    }
    return render(request, "guards/bench_run.html", context)


@require_POST
@signed_in
def run_rename(request: SignedInRequest, run_id: int) -> HttpResponse:
    found = run_for(request, run_id)
    form = RenameForm(request.POST)
    if form.is_valid():
        with errors_told(request):
            services.rename_run(found, label=form.cleaned_data["label"], actor=request.actor)
            messages.success(request, "The run has a new label.")
    else:
        messages.error(request, "A label is one line of at most 100 characters.")
    return redirect("bench:run", found.pk)


@require_POST
@signed_in
def run_cancel(request: SignedInRequest, run_id: int) -> HttpResponse:
    found = run_for(request, run_id)
    with errors_told(request):
        services.cancel_run(found, actor=request.actor)
        messages.success(request, "The run is cancelled.")
    return redirect("bench:run", found.pk)


@require_POST
@signed_in
def run_delete(request: SignedInRequest, run_id: int) -> HttpResponse:
    found = run_for(request, run_id)
    services.delete_run(found, actor=request.actor)
    messages.success(request, f"The run “{found.label}” is deleted.")
    return redirect("bench:runs")


@require_safe
@signed_in
def compare(request: SignedInRequest) -> HttpResponse:
    """Two runs over one set, side by side, and the texts on which they differ."""
    first, second = (
        run_for(request, number_in(request.GET.get(name, ""))) for name in ("first", "second")
    )
    if first.set_id != second.set_id:
        raise Conflict("Only runs over the same set can be compared.")
    changed = changed_between(first, second)
    shares = zip(shares_of(matrix_of_run(first)), shares_of(matrix_of_run(second)), strict=True)
    context: dict[str, Any] = {
        "first": first,
        "second": second,
        "shares": [(one[0], one[1], other[1]) for one, other in shares],
        "table": page_of(request, changed),
        "better": sum(one.is_better for one in changed),
        "worse": sum(one.is_worse for one in changed),
    }
    both = all(shows_prompt(one, request.actor) for one in (first, second))
    if both and first.prompt != second.prompt:
        context["prompt_rows"] = side_by_side(first.prompt, second.prompt)
    return render(request, "guards/bench_compare.html", context)


def _line(found: GuardRun) -> tuple[GuardRun, str, str]:
    matrix = matrix_of_run(found)
    return found, percent(matrix.recall), percent(matrix.false_alarm_rate)


def _with_judge(request: SignedInRequest, current: str) -> dict[str, Any]:
    """Return the context of a page on which a guard is chosen. Raises Forbidden, NotFound."""
    teams, team = teams_of(request)
    groups = choices_of(team, request.actor)
    named = request.POST.get("judge") or request.GET.get("judge")
    judge = chosen_by(named or groups[0][1][0][0], team, request.actor)
    if judge is None:
        # Of a team that was chosen before this one.
        judge = chosen_by(groups[0][1][0][0], team, request.actor)
        if judge is None or request.method == "POST":
            raise NotFound("There is no such guard for the team.")
    return {
        "teams": teams,
        "team": team,
        "groups": groups,
        "judge": judge,
        "tabs": tabs(current),
        "here": reverse(request.resolver_match.view_name) if request.resolver_match else "",
    }


def _verdict(form: TryForm, team: Team, request: SignedInRequest) -> Said:
    candidate, actor = form.candidate, request.actor
    admit(actor)
    own = candidate.project_id if candidate.team_id == team.pk else None
    payer = Payer(actor, team.pk, own)
    return async_to_sync(judge_one)(candidate.guard, 0, form.cleaned_data["text"], payer)
