"""A run at work in the background: it may be stopped, killed and begun again at any time.

What was said of a case is kept once, by the run and the case. Whoever begins a run, again or for
the first time, judges the cases without a result. An advisory lock of the database, which ends
with the process that holds it, keeps two workers from one run.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import ApiKey, User
from audit.services import record
from guards.bench_querysets import bench_teams
from guards.models import GuardCase, GuardResult, GuardRun
from inference.bench.figures import totals_of
from inference.bench.judges import Candidate, guards_for, of_detector, with_prompt
from inference.bench.measuring import Payer, Said, costed, judge_all
from inference.bench.runs import queue
from restai_site.lib.actor import FULL, Actor
from restai_site.lib.db import in_database
from restai_site.lib.errors import DomainError

log = logging.getLogger(__name__)
State = GuardRun.State
# The first of the two numbers of the lock; the second is the run.
BENCH = 720_368
# After so long a run makes room for what else waits, and is queued again.
SLICE_SECONDS = 60
# What has not moved for so long is queued again.
STALLED = timedelta(minutes=3)
# One that has stood still so often in a row is at fault itself.
STALLS_MAX = 5
FAILURE_MAX_LENGTH = 300
NO_ACCESS = "Whoever started the run may not use the guard, the set or the team any more."
CHANGED = "The guard or its model has changed since the run was started. Start a new one."
STUCK = "The run broke off again and again. Look at the server's log, then start a new one."
SYSTEM = "test_bench"


class Over(Exception):
    """The run cannot go on; says why, in words for people."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is left of a run."""

    run_id: int
    candidate: Candidate
    payer: Payer
    threshold: float
    texts: list[tuple[int, str]]


def go_on(run_id: int) -> None:
    """Judge what is left of a run, for SLICE_SECONDS at most; then queue the rest.

    Does nothing where the run has ended, is gone, or is another worker's.
    """
    with _claimed(run_id) as is_ours:
        is_left = is_ours and _work(run_id)
    if is_left:
        queue(run_id)


def requeue_stalled() -> int:
    """Queue again the runs that have not moved for long, STALLS_MAX times; return how many."""
    rows = GuardRun.objects.filter(
        state__in=GuardRun.UNFINISHED, moved_at__lt=timezone.now() - STALLED
    )
    for run_id in rows.filter(stalls__gte=STALLS_MAX).values_list("pk", flat=True):
        _end(run_id, State.FAILED, STUCK)
    ids = list(rows.values_list("pk", flat=True))
    GuardRun.objects.filter(pk__in=ids).update(moved_at=timezone.now(), stalls=F("stalls") + 1)
    for run_id in ids:
        queue(run_id)
    return len(ids)


@contextmanager
def _claimed(run_id: int) -> Iterator[bool]:
    numbers = [BENCH, run_id % 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", numbers)
        is_ours = bool(cursor.fetchone()[0])
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", numbers)


def _work(run_id: int) -> bool:
    """Return whether something is left to do."""
    try:
        job = _begun(run_id)
        if job is None:
            return False
        is_done = async_to_sync(_judged)(job)
    except (Over, DomainError) as error:
        _end(run_id, State.FAILED, str(error))
        return False
    if is_done:
        _end(run_id, State.COMPLETED)
        return False
    is_left = GuardRun.objects.filter(pk=run_id, state=State.RUNNING).exists()
    if not is_left:
        _sum_up(run_id)
    return is_left


def _begun(run_id: int) -> Job | None:
    rows = GuardRun.objects.select_related("team", "guard", "started_by", "api_key")
    run = rows.filter(pk=run_id, state__in=GuardRun.UNFINISHED).first()
    if run is None:
        return None
    actor = _allowed(run)
    candidate = _candidate(run)
    now = timezone.now()
    GuardRun.objects.filter(pk=run_id, state__in=GuardRun.UNFINISHED).update(
        state=State.RUNNING, started_at=run.started_at or now, moved_at=now
    )
    left = GuardCase.objects.filter(set_id=run.set_id).exclude(
        pk__in=GuardResult.objects.filter(run_id=run_id).values("case_id")
    )
    own = candidate.project_id if candidate.team_id == run.team_id else None
    return Job(
        run_id,
        candidate,
        Payer(actor, run.team_id, own),
        run.threshold,
        list(left.order_by("position").values_list("pk", "text")),
    )


async def _judged(job: Job) -> bool:
    async def take(said: list[Said]) -> bool:
        return await in_database(_keep, job.run_id, said)

    return await judge_all(
        job.candidate.guard,
        job.texts,
        job.payer,
        take,
        threshold=job.threshold,
        seconds=SLICE_SECONDS,
    )


def _keep(run_id: int, said: list[Said]) -> bool:
    """Keep what was said; tell whether the run goes on."""
    costed(said)
    with transaction.atomic():
        rows = GuardRun.objects.select_for_update(of=("self",), no_key=True)
        run = rows.select_related("team", "guard", "started_by", "api_key").filter(pk=run_id)
        found = run.first()
        if found is None:
            return False
        results = [_row(run_id, one) for one in said]
        GuardResult.objects.bulk_create(results, ignore_conflicts=True)
        found.done = GuardResult.objects.filter(run_id=run_id).count()
        found.moved_at, found.stalls = timezone.now(), 0
        found.save(update_fields=["done", "moved_at", "stalls"])
    if found.state != State.RUNNING:
        return False
    _allowed(found)
    return True


def _row(run_id: int, said: Said) -> GuardResult:
    return GuardResult(
        run_id=run_id,
        case_id=said.key,
        verdict=said.verdict,
        was_raised=said.was_raised,
        category=said.category,
        score=said.score,
        # NUL, which a model may say and the database cannot keep.
        reason=said.reason.replace("\0", ""),
        failure=said.failure,
        latency_ms=said.latency_ms,
        tokens=said.tokens,
        cost=said.cost,
    )


def _end(run_id: int, state: str, failure: str = "") -> None:
    """Sum up a run and let it end so, unless somebody has ended it meanwhile."""
    with transaction.atomic():
        run = GuardRun.objects.select_for_update(of=("self",)).filter(pk=run_id).first()
        if run is None:
            return
        _sum_up(run_id)
        if not run.is_unfinished:
            return
        run.state, run.failure = state, failure[:FAILURE_MAX_LENGTH]
        run.finished_at = timezone.now()
        run.save(update_fields=["state", "failure", "finished_at"])
        action = "guard_run.complete" if state == State.COMPLETED else "guard_run.fail"
        shown = {"failure": run.failure} if run.failure else {}
        record(Actor.system(SYSTEM), action, run, team_id=run.team_id, changes=shown)


def _sum_up(run_id: int) -> None:
    GuardRun.objects.filter(pk=run_id).update(**totals_of(run_id))


def _candidate(run: GuardRun) -> Candidate:
    if run.detector:
        candidate = of_detector(run.detector, run.configuration)
    elif run.guard is not None:
        candidate = with_prompt(run.guard, run.prompt, run.prompt_number)
    else:
        raise Over("The guard was deleted.")
    if candidate.version != run.version:
        raise Over(CHANGED)
    return candidate


def _allowed(run: GuardRun) -> Actor:
    """Return who started the run, if they may still run it. Raises Over."""
    actor = _actor_of(run.started_by, run.api_key, by_key=run.by_key)
    if actor is None or not bench_teams(actor).filter(pk=run.team_id).exists():
        raise Over(NO_ACCESS)
    if run.guard_id and not guards_for(run.team_id, actor).filter(pk=run.guard_id).exists():
        raise Over(NO_ACCESS)
    return actor


def _actor_of(user: User | None, key: ApiKey | None, *, by_key: bool) -> Actor | None:
    """Return the actor that somebody, or their key, is now; None where they are nobody any more."""
    if user is None or not user.is_active or user.is_restricted:
        return None
    if by_key and (key is None or not key.is_usable or key.scope != FULL):
        return None
    project_ids = None if key is None or key.project_ids is None else frozenset(key.project_ids)
    team_id = None if key is None else key.team_id
    is_narrowed = project_ids is not None or team_id is not None
    return Actor(
        user_id=user.pk,
        email=user.email,
        is_platform_admin=user.is_platform_admin and not is_narrowed,
        reaches_all=user.is_platform_admin and is_narrowed,
        credential=f"task:{SYSTEM}",
        api_key_id=None if key is None else key.pk,
        project_ids=project_ids,
        team_id=team_id,
    )
