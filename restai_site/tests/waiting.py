"""Waiting for what another process or thread does."""

import time

POLL_SECONDS = 0.02


def eventually(check, *, seconds):
    """Return what `check` returns once it is true, or fail after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(POLL_SECONDS)
    raise AssertionError("It did not happen in time.")
