"""Celery tasks of the audit trail."""

import logging

from celery import shared_task

from audit.chain.checkpoints import BadCheckpoint, Discontinued, tell
from audit.chain.sealing import seal_waiting

log = logging.getLogger(__name__)


@shared_task(name="audit.seal", ignore_result=True)  # type: ignore[untyped-decorator]
def seal() -> None:
    """Seal what waits, and tell the newest seal outside the database."""
    last = seal_waiting()
    if last is None:
        return
    try:
        tell(last)
    except (OSError, BadCheckpoint, Discontinued) as error:
        # The chain goes on; the security posture names a checkpoint that is behind.
        log.critical("The checkpoint of the audit trail was not written: %s", error)
