"""Rows of the ledger for tests of statistics, of any age, and what they add up to."""

from datetime import timedelta
from decimal import Decimal

from django.db.models import Count, Q, Sum
from django.utils import timezone

from metering.models import UsageRecord

FAILURES = ("provider_error", "timeout", "failed", "lost")
SUMS = {
    "requests": Count("pk"),
    "completed": Count("pk", filter=Q(outcome="completed")),
    "failures": Count("pk", filter=Q(outcome__in=FAILURES)),
    "cancelled": Count("pk", filter=Q(outcome="cancelled")),
    "blocked": Count("pk", filter=Q(outcome="blocked")),
    "prompt": Sum("prompt_tokens", default=0),
    "completion": Sum("completion_tokens", default=0),
    "spent": Sum("cost", default=Decimal(0)),
}


def record(project, user, **values):
    """Return one call of `user`, not written yet."""
    return UsageRecord(
        **{
            "project": project,
            "team": project.team if project else None,
            "user": user,
            "model_name": "alpha-llm",
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "tokens_source": "provider",
            "cost": Decimal("0.5"),
            "latency_ms": 100,
            "outcome": "completed",
            **values,
        }
    )


def write_all(records):
    """Write calls, given with the moment of each."""
    rows = UsageRecord.objects.bulk_create(row for _, row in records)
    for row, (at, _) in zip(rows, records, strict=True):
        row.created_at = at
    UsageRecord.objects.bulk_update(rows, ["created_at"])


def write(project, user, *, at=None, age=timedelta(0), **values):
    """Write one call of `user`, at a moment or so long ago."""
    row = record(project, user, **values)
    row.save()
    UsageRecord.objects.filter(pk=row.pk).update(created_at=at or timezone.now() - age)
    row.refresh_from_db()
    return row


def sums_of(rows):
    """Return what the ledger itself says of these rows."""
    return rows.order_by().aggregate(**SUMS)


def told(totals):
    """Return the same of statistics."""
    return {
        "requests": totals.requests,
        "completed": totals.completed,
        "failures": totals.failures,
        "cancelled": totals.cancelled,
        "blocked": totals.blocked,
        "prompt": totals.prompt_tokens,
        "completion": totals.completion_tokens,
        "spent": totals.cost,
    }
