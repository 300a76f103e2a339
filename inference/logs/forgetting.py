"""What was said goes from the log where it goes from the project; the numbers stay."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from inference.models import InferenceLog
from projects.models import Project


def forget_project(sender: object, *, project: Project, **_: Any) -> int:
    """Empty the texts of a project's log; return of how many rows."""
    return _emptied(InferenceLog.objects.filter(project=project))


def forget_conversations(conversations: Collection[UUID]) -> int:
    """Empty what the log has of conversations; return of how many rows."""
    return _emptied(InferenceLog.objects.filter(conversation__in=conversations))


def _emptied(rows: Any) -> int:
    found: int = rows.exclude(question="", answer="").update(question="", answer="")
    return found
