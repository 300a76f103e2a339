"""Background work of this app."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from accounts.tasks import MAIL
from metering import alerts
from metering.settling import clear_settled
from metering.settling import expire as expire_held

KEPT = timedelta(days=7)


@shared_task(name="metering.expire_reservations")  # type: ignore[untyped-decorator]
def expire_reservations() -> int:
    """Count what calls hold whose lease is over, and forget those that ended long ago."""
    expired = expire_held()
    clear_settled(timezone.now() - KEPT)
    return expired


@shared_task(name="metering.tell_alerts")  # type: ignore[untyped-decorator]
def tell_alerts() -> int:
    """Have people told of shares of budgets that were reached."""
    return alerts.tell_untold()


@shared_task(name="metering.mail_alert", **MAIL)  # type: ignore[untyped-decorator]
def mail_alert(alert_id: int, user_id: int) -> bool:
    """Mail one alert to one person."""
    return alerts.mail(alert_id, user_id)
