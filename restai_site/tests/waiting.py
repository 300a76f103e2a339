"""Waiting for what another process or thread does."""

import time

from django.db import connection

WAITS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
POLL_SECONDS = 0.02


def eventually(check, *, seconds):
    """Return what `check` returns once it is true, or fail after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(POLL_SECONDS)
    raise AssertionError("It did not happen in time.")


def waiters_for_locks() -> int:
    """Return how many connections to the database of the tests wait for a lock."""
    with connection.cursor() as cursor:
        # Within a transaction the view stays as it was first read.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(WAITS)
        return cursor.fetchone()[0]
