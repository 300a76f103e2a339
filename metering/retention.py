"""Single calls leave the ledger when they are over; the sums by day that were made of them stay."""

from datetime import datetime

from django.db.models import QuerySet

from metering.models import RollupState, UsageRecord
from metering.rolling_up import ledger_begins
from metering.spans import day_of
from projects.retention.kinds import Cut, days_before, kept


def day_before(now: datetime, days: int) -> datetime:
    """Return the midnight (UTC) before the moment from which on calls are kept.

    Sums are by whole days, so calls leave by whole days.
    """
    return day_of(days_before(now, days))


def purge(cut: Cut, most: int) -> int:
    """Remove calls that are over, once all are summed up; return how many."""
    ids = list(calls(cut).values_list("pk", flat=True)[:most])
    if not ids:
        return 0
    if not RollupState.objects.filter(ledger_from__gte=cut.before).exists():
        ledger_begins(cut.before)
    _, by_model = UsageRecord.objects.filter(pk__in=ids).delete()
    return by_model.get(UsageRecord._meta.label, 0)


@kept("usage", "Details of calls", purge=purge, edge=day_before)
def calls(cut: Cut) -> QuerySet[UsageRecord]:
    """Return the calls of before the cut, oldest first."""
    return UsageRecord.objects.filter(created_at__lt=cut.before).order_by("created_at")
