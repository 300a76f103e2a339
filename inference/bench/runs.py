"""What can be done to runs of the test bench."""

import logging
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit.services import changes_of, record
from guards.models import GuardRun, GuardSet
from guards.models.bench import NAME_MAX_LENGTH
from inference.bench.judges import Candidate, guards_for
from inference.bench.sets import NOT_YOURS, require_bench
from restai_site.lib.actor import Actor
from restai_site.lib.background import send
from restai_site.lib.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from teams.models import Team

log = logging.getLogger(__name__)
State = GuardRun.State
# So many runs of a team wait or are at work at once.
UNFINISHED_PER_TEAM = 3
RUNS_PER_TEAM = 1_000


@transaction.atomic
def start_run(
    team: Team,
    chosen: GuardSet,
    candidate: Candidate,
    *,
    threshold: float = 0,
    label: str = "",
    actor: Actor,
) -> GuardRun:
    """Begin a run of a guard over a set; the worker does it. The team's budgets pay.

    Raises Forbidden, NotFound (a set or guard of others), Invalid (threshold, label), Conflict
    (UNFINISHED_PER_TEAM, RUNS_PER_TEAM).
    """
    team = Team.objects.select_for_update().get(pk=team.pk)
    require_bench(team, actor)
    _require_usable(team, chosen, candidate, actor)
    label = _label(label or f"{candidate.name}: {chosen.name}"[:NAME_MAX_LENGTH])
    if not 0 <= threshold <= 1:
        message = "A threshold is a number from 0 to 1."
        raise Invalid(message, fields={"threshold": [message]})
    _require_room(team)
    run = GuardRun.objects.create(
        team=team,
        set=chosen,
        guard_id=candidate.project_id,
        detector=candidate.guard.detector,
        configuration=candidate.configuration,
        guard_name=candidate.name[:100],
        label=label,
        prompt=candidate.prompt,
        prompt_number=candidate.prompt_number,
        model_name=candidate.model_name,
        version=candidate.version,
        threshold=threshold,
        total=chosen.cases.count(),
        started_by_id=actor.user_id,
        api_key_id=actor.api_key_id,
        by_key=actor.api_key_id is not None,
    )
    shown = {"set": chosen, "guard": candidate.name, "threshold": threshold}
    record(actor, "guard_run.start", run, team_id=team.pk, changes=shown)
    transaction.on_commit(partial(queue, run.pk))
    return run


@transaction.atomic
def cancel_run(run: GuardRun, *, actor: Actor) -> GuardRun:
    """End a run that waits or is at work; what was judged stays. Raises Forbidden, Conflict."""
    run = _locked(run, actor)
    if not run.is_unfinished:
        raise Conflict("The run has ended already.", code="run_ended")
    run.state, run.finished_at = State.CANCELLED, timezone.now()
    run.save(update_fields=["state", "finished_at"])
    record(actor, "guard_run.cancel", run, team_id=run.team_id)
    return run


@transaction.atomic
def rename_run(run: GuardRun, *, label: str, actor: Actor) -> GuardRun:
    """Give a run another label. Raises Forbidden, Invalid."""
    run = _locked(run, actor)
    changes = changes_of(run, {"label": _label(label)})
    if changes:
        run.label = _label(label)
        run.save(update_fields=["label"])
        record(actor, "guard_run.rename", run, team_id=run.team_id, changes=changes)
    return run


@transaction.atomic
def delete_run(run: GuardRun, *, actor: Actor) -> None:
    """Delete a run with its results; one that is at work stops. Raises Forbidden."""
    run = _locked(run, actor)
    record(actor, "guard_run.delete", run, team_id=run.team_id)
    run.delete()


def queue(run_id: int) -> None:
    """Hand a run to the worker. Where Redis is away, `requeue_stalled` does so later."""
    from inference.tasks import run_bench

    try:
        send(run_bench, run_id)
    except Unavailable:
        log.warning("Run %s of the test bench waits: the queue does not answer.", run_id)


def _require_usable(team: Team, chosen: GuardSet, candidate: Candidate, actor: Actor) -> None:
    if not GuardSet.objects.usable_by_team(team.pk).filter(pk=chosen.pk).exists():
        raise NotFound("There is no such set of the team.")
    project_id = candidate.project_id
    if project_id is not None and not guards_for(team.pk, actor).filter(pk=project_id).exists():
        raise NotFound("There is no such guard for the team.")


def _require_room(team: Team) -> None:
    if team.guard_runs.count() >= RUNS_PER_TEAM:
        message = f"A team keeps {RUNS_PER_TEAM:,} runs at most; delete some first."
        raise Conflict(message, code="too_many_runs")
    if team.guard_runs.filter(Q(state__in=GuardRun.UNFINISHED)).count() >= UNFINISHED_PER_TEAM:
        message = (
            f"{UNFINISHED_PER_TEAM} runs of the team are not done yet; wait for one, or cancel it."
        )
        raise Conflict(message, code="runs_unfinished")


def _label(text: str) -> str:
    label = text.strip()
    if not label or len(label) > NAME_MAX_LENGTH or not label.isprintable():
        message = f"A label is one line of at most {NAME_MAX_LENGTH} characters."
        raise Invalid(message, fields={"label": [message]})
    return label


def _locked(run: GuardRun, actor: Actor) -> GuardRun:
    locked = GuardRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
    if not GuardRun.objects.editable_by(actor).filter(pk=locked.pk).exists():
        raise Forbidden(NOT_YOURS)
    return locked
