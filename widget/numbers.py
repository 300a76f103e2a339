"""What a widget has done: visitors, conversations, messages, what was refused, and what it cost."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.utils import timezone

from inference.models import Conversation
from metering.models import UsageRecord
from widget.models import Feedback, Visitor, Widget

DAYS = 30
UNANSWERED = ("failed", "provider_error", "timeout")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of the last DAYS days. Cost is in US dollars."""

    visitors: int
    conversations: int
    messages: int
    blocked: int
    unanswered: int
    helpful: int
    unhelpful: int
    cost: Decimal


def numbers_of(widget: Widget) -> Numbers:
    """Return the numbers of a widget, in four queries."""
    since = timezone.now() - timedelta(days=DAYS)
    visitors = Visitor.objects.filter(widget=widget, seen_at__gte=since)
    used = UsageRecord.objects.filter(api_key_id=widget.key_id or 0, created_at__gte=since)
    sums = used.aggregate(
        messages=Count("pk"),
        cost=Sum("cost"),
        blocked=Count("pk", filter=Q(outcome="blocked")),
        unanswered=Count("pk", filter=Q(outcome__in=UNANSWERED)),
    )
    judged = Feedback.objects.filter(widget=widget, created_at__gte=since).aggregate(
        helpful=Count("pk", filter=Q(is_helpful=True)),
        unhelpful=Count("pk", filter=Q(is_helpful=False)),
    )
    begun = Conversation.objects.filter(visitor_id__in=visitors.values("pk"))
    return Numbers(
        visitors=visitors.count(),
        conversations=begun.filter(created_at__gte=since).count(),
        messages=sums["messages"],
        blocked=sums["blocked"],
        unanswered=sums["unanswered"],
        helpful=judged["helpful"],
        unhelpful=judged["unhelpful"],
        cost=sums["cost"] or Decimal(0),
    )
