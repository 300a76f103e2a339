"""What was said goes from the log where it goes from the project; the numbers stay."""

from typing import Any

from inference.models import Conversation, InferenceLog
from projects.models import Project


def forget_project(sender: object, *, project: Project, **_: Any) -> int:
    """Empty the texts of a project's log; return of how many rows."""
    return _emptied(InferenceLog.objects.filter(project=project))


def forget_conversation(conversation: Conversation) -> int:
    """Empty what the log has of a conversation; return of how many rows."""
    return _emptied(InferenceLog.objects.filter(conversation=conversation))


def _emptied(rows: Any) -> int:
    found: int = rows.exclude(question="", answer="").update(question="", answer="")
    return found
