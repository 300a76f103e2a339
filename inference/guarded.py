"""What guards have to do with a call, from its beginning to its end."""

from dataclasses import dataclass, field

from guards.engine import Finding, Ruling
from guards.models import GuardEvent
from guards.plans import INPUT, OUTPUT, Plan

Outcome = GuardEvent.Outcome
# What the answer tells of several findings: the gravest.
GRAVITY = {
    Outcome.PASSED: 0,
    Outcome.FAILED_OPEN: 1,
    Outcome.REDACTED: 2,
    Outcome.WARNED: 3,
    Outcome.BLOCKED: 4,
    Outcome.FAILED_CLOSED: 5,
}
TOLD = {
    Outcome.FAILED_OPEN: "warned",
    Outcome.FAILED_CLOSED: "blocked",
}


class Blocked(Exception):
    """A guard has ended the call. Never leaves the pipeline, which then settles the call."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.category)
        self.finding = finding


@dataclass(slots=True)
class Guarded:
    """The guards of a call and what they have found so far. Times are in milliseconds."""

    plan: Plan
    # By stage and binding: one finding each, whatever number of windows it judged.
    findings: dict[tuple[str, int | None], Finding] = field(default_factory=dict)
    masked: dict[str, set[str]] = field(default_factory=dict)
    blocked: Finding | None = None
    # Whether all input guards have let the question pass; nothing of it is kept before that.
    is_admitted: bool = False
    first_token_delay_ms: float = 0
    total_delay_ms: float = 0

    def note(self, stage: str, ruling: Ruling) -> None:
        """Take in what the guards of `stage` have decided of a text or a window."""
        for finding in ruling.findings:
            key = stage, finding.guard.binding_id
            self.findings[key] = _joined(self.findings.get(key), finding)
            labels = {span.category for _, span in finding.spans}
            if labels:
                self.masked.setdefault(stage, set()).update(labels)
        self.blocked = self.blocked or ruling.blocked

    def told(self, stage: str) -> dict[str, object] | None:
        """Return what the chat and programs are told of a stage, or None where no guard stood."""
        found = [one for (at, _), one in self.findings.items() if at == stage]
        if not found:
            return None
        gravest = max(found, key=lambda one: GRAVITY[Outcome(one.outcome)])
        told: dict[str, object] = {
            "outcome": TOLD.get(Outcome(gravest.outcome), gravest.outcome),
            "stage": stage,
            "category": gravest.category,
            "label": gravest.label if gravest.category else "",
            "guard": gravest.guard.name,
            "is_failure": bool(gravest.failure),
            "masked": sorted(self.masked.get(stage, ())),
            "first_token_delay_ms": round(self.first_token_delay_ms),
            "total_delay_ms": round(self.total_delay_ms),
        }
        if gravest.stops:
            told["message"] = self.plan.message
        return told

    @property
    def for_question(self) -> dict[str, object] | None:
        """What is told of the question."""
        return self.told(INPUT)

    @property
    def for_answer(self) -> dict[str, object] | None:
        """What is told of the answer; of a question that was blocked the answer tells it."""
        if self.blocked is not None:
            return self.told(self.blocked.stage)
        return self.told(OUTPUT) or self._delays()

    def _delays(self) -> dict[str, object] | None:
        told = self.told(INPUT)
        if told is None:
            return None
        return {**told, "outcome": "passed", "category": "", "label": "", "masked": []}


def _joined(before: Finding | None, new: Finding) -> Finding:
    if before is None:
        return new
    graver = GRAVITY[Outcome(new.outcome)] > GRAVITY[Outcome(before.outcome)]
    kept = new if graver else before
    kept.checks = before.checks + new.checks
    kept.latency_ms = before.latency_ms + new.latency_ms
    kept.is_cached = before.is_cached and new.is_cached
    return kept
