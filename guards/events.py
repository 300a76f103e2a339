"""Writing down what guards have found."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from guards.engine import Finding
from guards.models import GuardEvent
from guards.models.events import TEXT_MAX_LENGTH


@dataclass(frozen=True, slots=True)
class Place:
    """The call that was guarded: whose it was, and whether what was said in it may be kept."""

    call_id: UUID
    project_id: int | None
    team_id: int | None
    user_id: int | None
    keeps_text: bool


def write(place: Place, findings: Iterable[Finding]) -> None:
    """Write one event for each finding, once: it may be tried again. One query."""
    rows = [_event(place, finding) for finding in findings]
    GuardEvent.objects.bulk_create(rows, ignore_conflicts=True)


def _event(place: Place, finding: Finding) -> GuardEvent:
    guard = finding.guard
    says_something = place.keeps_text and finding.outcome != GuardEvent.Outcome.PASSED
    return GuardEvent(
        call_id=place.call_id,
        project_id=place.project_id,
        team_id=place.team_id,
        user_id=place.user_id,
        binding_id=guard.binding_id,
        guard_id=guard.guard_id,
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
