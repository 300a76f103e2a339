"""What was said goes from findings where it goes from the project; the numbers stay."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Q

from accounts.models import User
from guards.models import GuardEvent
from projects.models import Project

SAID = ~Q(text="") | ~Q(reason="")


def forget_words(sender: object, *, project: Project, **_: Any) -> int:
    """Empty the texts of a project's findings, and the reasons, which may quote them.

    Returns of how many findings.
    """
    return GuardEvent.objects.filter(SAID, project=project).update(text="", reason="")


def forget_calls(calls: Collection[UUID]) -> int:
    """Empty the texts of the findings in calls; return of how many findings."""
    return GuardEvent.objects.filter(SAID, call_id__in=calls).update(text="", reason="")


def forget_person(sender: object, *, instance: User, **_: Any) -> None:
    """Empty the texts of the findings of somebody whose account is deleted."""
    GuardEvent.objects.filter(SAID, user=instance).update(text="", reason="")
