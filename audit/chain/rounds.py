"""Sealing by the clock, in a thread of every worker: jobs that take long do not hold it up.

Each worker tries every SECONDS; the lock of the database lets one of them seal at a time.
"""

import logging
import threading

from django.db import close_old_connections

from audit.chain.checkpoints import BadCheckpoint, Discontinued, tell
from audit.chain.sealing import seal_waiting

log = logging.getLogger(__name__)
SECONDS = 2.0


def seal_and_tell() -> None:
    """Seal what waits, and tell the newest seal outside the database."""
    last = seal_waiting()
    if last is None:
        return
    try:
        tell(last)
    except (OSError, BadCheckpoint, Discontinued) as error:
        # The chain goes on; the security posture names a checkpoint that is behind.
        log.critical("The checkpoint of the audit trail was not written: %s", error)


class Rounds(threading.Thread):
    """Seals until the process ends, or `end` is called."""

    def __init__(self) -> None:
        super().__init__(name="audit-seal", daemon=True)
        self._ended = threading.Event()

    def run(self) -> None:
        """Seal every SECONDS. A round that fails is logged, and the next one tries again."""
        while not self._ended.wait(SECONDS):
            close_old_connections()
            try:
                seal_and_tell()
            except Exception:
                log.exception("A round of sealing failed; the next one tries again.")

    def end(self) -> None:
        """Let the round that goes on be the last, and wait for it."""
        self._ended.set()
        self.join()
