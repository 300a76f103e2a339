"""Visitors go when nobody has seen them for long, with their sessions and their feedback."""

from django.db.models import QuerySet

from projects.retention.kinds import Cut, kept
from widget.models import Visitor


@kept("widget_visitors", "Visitors of widgets")
def visitors(cut: Cut) -> QuerySet[Visitor]:
    """Return those who were last seen before the cut."""
    found: QuerySet[Visitor] = Visitor.objects.filter(seen_at__lt=cut.before)
    return found.order_by("seen_at")
