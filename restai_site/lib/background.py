"""Handing work to the background."""

from typing import Any

from django.db import transaction
from kombu.exceptions import OperationalError

from restai_site.lib.errors import Unavailable

QUEUE_AWAY = (
    "Redis, which hands work to the background, does not answer: what was to be sent is not on its "
    "way. Try again later."
)


def enqueue(task: Any, *args: object) -> None:
    """Queue `task` when the transaction is committed, or at once where there is none.

    `args` stand in the queue as they are: ids and addresses, never a secret. Raises Unavailable
    where the queue cannot be reached; what was committed stays.
    """
    transaction.on_commit(lambda: send(task, *args))


def send(task: Any, *args: object) -> None:
    """Queue `task` now, whatever becomes of the transaction. Raises Unavailable."""
    try:
        task.apply_async(args, retry=False)
    except OperationalError:
        raise Unavailable(QUEUE_AWAY) from None
