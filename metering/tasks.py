"""Background work of this app."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from metering.settling import clear_settled
from metering.settling import expire as expire_held

KEPT = timedelta(days=7)


@shared_task(name="metering.expire_reservations")  # type: ignore[untyped-decorator]
def expire_reservations() -> int:
    """Count what calls hold whose lease is over, and forget those that ended long ago."""
    expired = expire_held()
    clear_settled(timezone.now() - KEPT)
    return expired
