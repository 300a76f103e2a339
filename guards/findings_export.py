"""`GET /api/guards/events.csv`: a list of findings as a file, streamed.

The rows are taken in portions, newest first, each in one hop to a database thread: no transaction
and no thread is held while the client reads. What may be seen is asked for each portion.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts import credentials, watch
from audit.services import record
from guards.filters import Filters
from guards.findings import Shown, shown
from guards.findings_filters import FindingsFilters
from guards.models import GuardEvent
from guards.periods import COMMON_ZONE
from restai_site.lib.actor import Actor
from restai_site.lib.csv import Cell, csv_download, csv_text
from restai_site.lib.db import in_database

PORTION_ROWS = 1_000
HEAD = (
    *("created_at", "event_id", "call_id", "team_id", "team", "project_id", "project"),
    *("guard", "detector", "stage", "mode", "outcome", "category", "score", "reason", "failure"),
    *("checks", "latency_ms", "text", "review", "review_note", "reviewed_at"),
)
Position = tuple[datetime, UUID]


@dataclass(frozen=True)
class Portion:
    """Lines of CSV, and where the next ones begin; None: there are none."""

    text: str
    last: Position | None


@require_safe
async def findings_csv(request: HttpRequest) -> HttpResponseBase:
    """Answer with the file. The filters are those of the lists, `team` and `project` among them."""
    actor, filters = await in_database(_begin, request)
    return csv_download(_lines(actor, filters), filename="findings.csv")


@transaction.atomic
def _begin(request: HttpRequest) -> tuple[Actor, FindingsFilters]:
    """Find out who asks, and record it: texts leave the platform. Raises Unauthenticated."""
    actor = credentials.require(request)
    asked = request.GET.dict()
    team = Filters.of(asked).team_of(actor)
    filters = FindingsFilters.of(asked, team.time_zone if team else COMMON_ZONE)
    told = {**filters.filters.given, "outcome": filters.outcome, "period": filters.period}
    team_id = team.pk if team else None
    record(actor, "guard_event.export", GuardEvent, team_id=team_id, changes={"filters": told})
    return actor, filters


async def _lines(actor: Actor, filters: FindingsFilters) -> AsyncIterator[str]:
    """Give the lines for as long as the credential holds; the answer breaks off where it ends."""
    portions = _portions(actor, filters)
    async with aclosing(portions), aclosing(watch.pieces(actor, portions)) as pieces:
        async for text in pieces:
            yield text


async def _portions(actor: Actor, filters: FindingsFilters) -> AsyncGenerator[str, None]:
    yield csv_text([HEAD])
    portion = await in_database(read_portion, actor, filters)
    while portion.text:
        yield portion.text
        if portion.last is None:
            return
        portion = await in_database(read_portion, actor, filters, after=portion.last)


def read_portion(
    actor: Actor, filters: FindingsFilters, *, after: Position | None = None
) -> Portion:
    """Return the rows that follow the position `after`. One query."""
    rows = shown(filters.rows(actor))
    if after is not None:
        moment, key = after
        # The first condition says no more than the second, but an index can use it.
        rows = rows.filter(created_at__lte=moment).filter(
            Q(created_at__lt=moment) | Q(created_at=moment, pk__lt=key)
        )
    found = list(rows.order_by("-created_at", "-pk")[:PORTION_ROWS])
    text = csv_text(_cells(Shown(row)) for row in found)
    is_full = len(found) == PORTION_ROWS
    return Portion(text, (found[-1].created_at, found[-1].pk) if is_full else None)


def _cells(line: Shown) -> list[Cell]:
    row = line.event
    return [
        *(row.created_at, str(row.pk), str(row.call_id)),
        *(row.team_id, row.team.name if row.team else ""),
        *(row.project_id, row.project.name if row.project else ""),
        *(line.guard, row.detector, row.stage, row.mode, row.outcome, row.category),
        *(row.score, row.kept_reason, row.failure, row.checks, row.latency_ms, row.kept_text),
        *(row.review, row.review_note, row.reviewed_at),
    ]
