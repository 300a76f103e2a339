"""Background work on accounts."""

from celery import shared_task
from django.core.management import call_command


@shared_task(name="accounts.clear_expired_sessions")  # type: ignore[untyped-decorator]
def clear_expired_sessions() -> None:
    """Delete sessions that have expired."""
    call_command("clearsessions")
