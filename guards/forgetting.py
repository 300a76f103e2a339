"""What was said goes from findings where it goes from the project; the numbers stay."""

from typing import Any

from django.db.models import Q

from guards.models import GuardEvent
from projects.models import Project


def forget_words(sender: object, *, project: Project, **_: Any) -> int:
    """Empty the texts of a project's findings, and the reasons, which may quote them.

    Returns of how many findings.
    """
    said = ~Q(text="") | ~Q(reason="")
    return GuardEvent.objects.filter(said, project=project).update(text="", reason="")
