"""Removing what is over, in small steps that hold nothing up.

Each step removes one batch and notes it in the run, in one transaction: a run that is killed goes
on where it stood, and two workers at one run only share it. When nothing is left the run ends, and
leaves its receipt in the audit trail, in the transaction that ends it.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from audit.services import record
from projects.retention.kinds import Cut, Kind, kind_named, kinds
from projects.retention.models import EVERY, RetentionRule, RetentionRun
from restai_site.lib.actor import Actor
from restai_site.lib.steps import in_steps

log = logging.getLogger(__name__)
BATCH = 4_000
KEPT_RUNS = 100
BY_CLOCK = Actor.system("retention")


def cuts_of(kind: Kind, now: datetime) -> list[Cut]:
    """Return what is over of a kind: by the platform's period, and by those of teams and projects.

    Periods of teams and projects only ever shorten the platform's, so the cuts may overlap.
    """
    cuts = [Cut(kind.edge(now, kind.days))] if kind.days else []
    if not kind.by_project:
        return cuts
    teams: dict[int, list[int]] = defaultdict(list)
    projects: dict[int, list[int]] = defaultdict(list)
    for rule in RetentionRule.objects.filter(kind=kind.slug).order_by("pk"):
        if rule.team_id is not None:
            teams[rule.days].append(rule.team_id)
        elif rule.project_id is not None:
            projects[rule.days].append(rule.project_id)
    cuts += [Cut(kind.edge(now, days), teams=tuple(ids)) for days, ids in teams.items()]
    cuts += [Cut(kind.edge(now, days), projects=tuple(ids)) for days, ids in projects.items()]
    return cuts


def preview(now: datetime | None = None) -> dict[str, int]:
    """Return how many rows of each kind would go now. Of rows that two cuts hold, one is counted.

    Nothing is removed.
    """
    moment = now or timezone.now()
    return {kind.slug: _count(kind, cuts_of(kind, moment)) for kind in kinds()}


def due(now: datetime | None = None) -> list[Kind]:
    """Return the kinds whose time has come: a day after the last run, or a run did not finish."""
    moment = now or timezone.now()
    return [kind for kind in kinds() if _is_due(kind, moment)]


def purge_each(chosen: Iterable[Kind], *, actor: Actor = BY_CLOCK) -> dict[str, int]:
    """Remove what is over of several kinds; return how many rows of each went.

    One that fails is logged and tried again by the next call; the others do not wait for it.
    """
    removed = {}
    for kind in chosen:
        try:
            removed[kind.slug] = purge(kind, actor=actor).deleted
        except Exception:
            log.exception("Removing what is over of “%s” failed and is tried again.", kind.slug)
    return removed


def purge(kind: Kind, *, actor: Actor = BY_CLOCK, now: datetime | None = None) -> RetentionRun:
    """Remove what is over of one kind, or finish the run that was left unfinished.

    An error is noted in the run and raised; the next call goes on.
    """
    run = _begun(kind, actor, now or timezone.now())
    try:
        in_steps(lambda: step(run.pk))
    except Exception as error:
        RetentionRun.objects.filter(pk=run.pk).update(failure=type(error).__name__)
        raise
    run.refresh_from_db()
    return run


@transaction.atomic
def step(run_id: int, batch: int | None = None) -> bool:
    """Remove one batch, or end the run. Return whether there may be more to remove."""
    run = RetentionRun.objects.select_for_update().get(pk=run_id)
    if run.finished_at is not None:
        return False
    kind = kind_named(run.kind)
    for cut in map(Cut.from_json, run.cuts):
        removed = kind.purge(cut, batch or BATCH)
        if removed:
            run.deleted, run.failure = run.deleted + removed, ""
            run.save(update_fields=["deleted", "failure"])
            return True
    run.finished_at, run.failure = timezone.now(), ""
    run.save(update_fields=["finished_at", "failure"])
    _leave_receipt(run, kind)
    _forget_old(run.kind)
    return False


def _leave_receipt(run: RetentionRun, kind: Kind) -> None:
    if run.deleted:
        changes = {"kind": run.kind, "deleted": run.deleted, "cuts": run.cuts}
        by = {"asked_by": run.asked_by} if run.asked_by != BY_CLOCK.credential else {}
        record(BY_CLOCK, "retention.purge", run, name=kind.title, changes={**changes, **by})


def _begun(kind: Kind, actor: Actor, now: datetime) -> RetentionRun:
    """Return the unfinished run of a kind, or a new one."""
    cuts = [cut.as_json() for cut in cuts_of(kind, now)]
    values = {"cuts": cuts, "asked_by": actor.email or actor.credential, "started_at": now}
    run, _ = RetentionRun.objects.get_or_create(kind=kind.slug, finished_at=None, defaults=values)
    return run


def _is_due(kind: Kind, now: datetime) -> bool:
    last = RetentionRun.objects.filter(kind=kind.slug).first()
    if last is None or (last.finished_at is not None and last.started_at <= now - EVERY):
        return bool(cuts_of(kind, now))
    return last.finished_at is None


def _count(kind: Kind, cuts: Iterable[Cut]) -> int:
    found = None
    for cut in cuts:
        rows = kind.rows(cut).order_by()
        found = rows if found is None else found | rows
    return 0 if found is None else found.count()


def _forget_old(slug: str) -> None:
    """Keep the newest runs; the receipts of the others are in the trail."""
    newest = RetentionRun.objects.filter(kind=slug).values_list("pk", flat=True)[:KEPT_RUNS]
    RetentionRun.objects.filter(kind=slug).exclude(pk__in=list(newest)).delete()
