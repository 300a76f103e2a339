"""Background work on accounts."""

from celery import shared_task

from accounts import limiter
from accounts.services import impersonation
from accounts.sessions import tokens
from accounts.sessions.store import SessionStore


@shared_task(name="accounts.clear_expired_sessions")  # type: ignore[untyped-decorator]
def clear_expired_sessions() -> None:
    """Delete sessions that have ended by time, and counts of the limiter that no longer matter."""
    SessionStore.clear_expired()
    limiter.clear_old()


@shared_task(name="accounts.end_impersonations")  # type: ignore[untyped-decorator]
def end_impersonations() -> None:
    """Close the impersonations whose time is over, in the audit trail too."""
    impersonation.end_expired()


@shared_task(name="accounts.rotate_signing_key")  # type: ignore[untyped-decorator]
def rotate_signing_key() -> None:
    """Give the cookies' signatures a new key when the one in use is old enough."""
    tokens.rotate_when_due()
