"""Lists of findings, and what of a text may be shown."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Q, TextField, Value, When

from guards.engine import label_of
from guards.models import GuardEvent
from guards.querysets import GuardEventQuerySet
from projects.models import Project

KEEPING = Q(project__inference_logging=Project.InferenceLogging.FULL)
TONES = {
    GuardEvent.Outcome.PASSED: "success",
    GuardEvent.Outcome.WARNED: "warning",
    GuardEvent.Outcome.REDACTED: "info",
    GuardEvent.Outcome.BLOCKED: "danger",
    GuardEvent.Outcome.FAILED_CLOSED: "danger",
    GuardEvent.Outcome.FAILED_OPEN: "warning",
}


def shown(rows: GuardEventQuerySet) -> GuardEventQuerySet:
    """Add `kept_text` and `kept_reason`: empty where the project keeps nothing (any more).

    The columns themselves are not read, so that no page, file or answer shows them by mistake.
    """
    found: GuardEventQuerySet = (
        rows.defer("text", "reason")
        .annotate(kept_text=_while_kept("text"), kept_reason=_while_kept("reason"))
        .select_related("project", "team", "binding")
    )
    return found


def _while_kept(column: str) -> Case:
    return Case(When(KEEPING, then=column), default=Value(""), output_field=TextField())


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding as pages show it; `event` comes from `shown`."""

    event: Any

    @property
    def label(self) -> str:
        """What was found, in words."""
        if self.event.category:
            return label_of(str(self.event.category))
        if self.is_failure:
            return "No judgement"
        return "Nothing found" if self.event.outcome == "passed" else "No category"

    @property
    def guard(self) -> str:
        """What the guard is called today, or was when it was there."""
        return str(self.event.binding.name if self.event.binding else self.event.guard_name)

    @property
    def tone(self) -> str:
        return TONES[self.event.outcome]

    @property
    def is_failure(self) -> bool:
        return self.event.outcome in {"failed_closed", "failed_open"}

    @property
    def keeps_words(self) -> bool:
        """Whether the project keeps what is said in it."""
        project = self.event.project
        return project is not None and project.keeps_conversations

    @property
    def why_no_text(self) -> str:
        """Why there is no text, in words; empty where there is one."""
        if self.event.kept_text:
            return ""
        if self.event.project is None:
            return "The project is gone, or the model was called by its own name: no text is kept."
        if not self.keeps_words:
            return "The project keeps nothing of what is said in it."
        if self.event.outcome == "passed":
            return "Of what passed no text is kept."
        return "No text was kept of this."
