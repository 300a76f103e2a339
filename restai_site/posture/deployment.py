"""What the security posture asks of the way the platform is run."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from restai_site.lib.posture import Area, Finding, State, check, failed, good, variable

# A daily backup may be late by a day.
BACKUP_AGE_MAX = timedelta(days=2)
BACKUP_OLD = timedelta(days=7)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@check("debug", "Debug mode", Area.DEPLOYMENT, State.CRITICAL)
def debug() -> Finding:
    if settings.DEBUG:
        return failed(
            "DEBUG is on: an error shows code and settings to visitors.", variable("DEBUG")
        )
    return good("Debug mode is off.")


@check("log-level", "Detail of the log", Area.DEPLOYMENT, State.WARNING)
def log_level() -> Finding:
    root = logging.getLogger()
    if root.level <= logging.DEBUG:
        reason = (
            "LOG_LEVEL is DEBUG: libraries may write what people send, and secrets, to the log."
        )
        return failed(reason, variable("LOG_LEVEL"))
    return good(f"The log holds what is of level {logging.getLevelName(root.level)} and above.")


@check("backup", "Age of the last backup", Area.DATA, State.WARNING)
def backup() -> Finding:
    remedy = variable("BACKUP_STATUS_FILE")
    if not settings.BACKUP_STATUS_FILE:
        reason = (
            "No backup is known: let your backup touch a file when it has succeeded, "
            "and name that file."
        )
        return failed(reason, remedy)
    try:
        changed = Path(settings.BACKUP_STATUS_FILE).stat().st_mtime
    except OSError:
        reason = "The file in BACKUP_STATUS_FILE cannot be read: no backup has succeeded yet."
        return failed(reason, remedy, state=State.CRITICAL)
    return _judged(timezone.now() - datetime.fromtimestamp(changed, UTC))


def _judged(age: timedelta) -> Finding:
    remedy = variable("BACKUP_STATUS_FILE")
    if age < -HOUR:
        return failed(
            "The last backup is dated in the future: its clock, or ours, is wrong.", remedy
        )
    shown = f"{max(age // HOUR, 0)} hours" if age < BACKUP_AGE_MAX else f"{age // DAY} days"
    reason = f"The last successful backup is {shown} old."
    if age <= BACKUP_AGE_MAX:
        return good(reason)
    return failed(reason, remedy, state=State.CRITICAL if age > BACKUP_OLD else None)
