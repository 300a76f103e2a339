"""Findings of guards go when they are over."""

from django.db.models import QuerySet

from guards.models import GuardEvent
from projects.retention.kinds import Cut, kept


@kept("guard_events", "Findings of guards", by_project=True)
def findings(cut: Cut) -> QuerySet[GuardEvent]:
    """Return the findings of before the cut, oldest first."""
    found: QuerySet[GuardEvent] = cut.of(GuardEvent.objects.filter(created_at__lt=cut.before))
    return found.order_by("created_at")
