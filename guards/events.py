"""Writing down what guards have found."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from guards.engine import Finding
from guards.models import GuardEvent
from guards.models.events import TEXT_MAX_LENGTH
from projects.models import Project

# What findings name, as far as it is still there, held until the end of the transaction: whatever
# goes later finds them and is taken out of them. What is gone must not keep us from writing them,
# for the call is counted in the same transaction. Read from left to right, and so locked in the
# order of whoever deletes: a person before the projects that they made, the team before its
# projects, and these before their bindings.
HOLD = """
    WITH person AS MATERIALIZED (
        SELECT id FROM accounts_user WHERE id = %(user)s FOR KEY SHARE
    ), team AS MATERIALIZED (
        SELECT id FROM teams_team WHERE id = %(team)s FOR KEY SHARE
    ), place AS MATERIALIZED (
        SELECT id, inference_logging FROM projects_project WHERE id = %(project)s FOR SHARE
    ), guard AS MATERIALIZED (
        SELECT id FROM projects_project WHERE id = ANY(%(guards)s) ORDER BY id FOR KEY SHARE
    ), binding AS MATERIALIZED (
        SELECT id FROM guards_guardbinding WHERE id = ANY(%(bindings)s) ORDER BY id FOR KEY SHARE
    )
    SELECT (SELECT id FROM person), (SELECT id FROM team), (SELECT id FROM place),
        (SELECT inference_logging FROM place),
        ARRAY(SELECT id FROM guard), ARRAY(SELECT id FROM binding)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The call that was guarded, and whose it was."""

    call_id: UUID
    project_id: int | None
    team_id: int | None
    user_id: int | None


class Held(NamedTuple):
    """Of what findings name, what is still there, and whether what was said may be kept of it."""

    place: Place
    keeps_text: bool
    guards: frozenset[int]
    bindings: frozenset[int]


def hold(place: Place, findings: Collection[Finding]) -> Held:
    """Hold what the findings name until the end of the transaction. One query.

    Call it before conversations and counters are locked: that is the order of whoever deletes. The
    place that is returned names nothing that is gone. No text may be kept of a project or a person
    who is, nor of a project that has ceased to keep what is said.
    """
    values = {
        "project": place.project_id,
        "team": place.team_id,
        "user": place.user_id,
        "guards": [one.guard.guard_id for one in findings if one.guard.guard_id],
        "bindings": [one.guard.binding_id for one in findings if one.guard.binding_id],
    }
    with connection.cursor() as cursor:
        cursor.execute(HOLD, values)
        user_id, team_id, project_id, logging, guards, bindings = cursor.fetchone()
    keeps_text = logging == Project.InferenceLogging.FULL and user_id == place.user_id
    there = Place(place.call_id, project_id, team_id, user_id)
    return Held(there, keeps_text, frozenset(guards), frozenset(bindings))


def write(held: Held, findings: Iterable[Finding], *, keeps_text: bool) -> None:
    """Write one event for each finding, once: it may be tried again. One query."""
    rows = [_event(held, finding, keeps_text and held.keeps_text) for finding in findings]
    GuardEvent.objects.bulk_create(rows, ignore_conflicts=True)


def _event(held: Held, finding: Finding, keeps_text: bool) -> GuardEvent:
    place, guard = held.place, finding.guard
    says_something = keeps_text and finding.outcome != GuardEvent.Outcome.PASSED
    return GuardEvent(
        call_id=place.call_id,
        project_id=place.project_id,
        team_id=place.team_id,
        user_id=place.user_id,
        binding_id=guard.binding_id if guard.binding_id in held.bindings else None,
        guard_id=guard.guard_id if guard.guard_id in held.guards else None,
        guard_name=guard.name,
        detector=guard.detector,
        stage=finding.stage,
        mode=guard.mode,
        outcome=finding.outcome,
        category=finding.category[:64],
        score=finding.score,
        reason=finding.reason[:500].replace("\0", "") if says_something else "",
        failure=finding.failure,
        checks=finding.checks,
        latency_ms=round(finding.latency_ms),
        is_cached=finding.is_cached,
        text=finding.excerpt[:TEXT_MAX_LENGTH].replace("\0", "") if says_something else "",
    )
