"""The one way from async code to the database.

A hop costs a thread switch, so async views make as few as they can: one before the provider and
one after. The threads live as long as the process and keep their connections.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache, partial, wraps
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import OperationalError, close_old_connections, connection
from psycopg.errors import DeadlockDetected

# After how long without use a connection is checked before it is trusted.
IDLE_SECONDS = 1.0
DEADLOCKS_MAX = 3

_used = threading.local()
P = ParamSpec("P")
T = TypeVar("T")


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.DATABASE_THREADS, thread_name_prefix="database")


async def in_database(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a database thread and return its result.

    With DATABASE_THREADS=0 the caller's own synchronous thread does the work, which lets a test
    see it inside its transaction.
    """
    if settings.DATABASE_THREADS == 0:
        return await sync_to_async(work, thread_sensitive=True)(*args, **kwargs)
    call = partial(copy_context().run, _with_live_connection, partial(work, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_threads(), call)


def again_after_deadlock(service: Callable[P, T]) -> Callable[P, T]:
    """Let a service that is one transaction begin anew where the database ended it as a deadlock.

    For those that take along rows of all apps, whose order no one of them can know. Inside of
    another transaction it is done once.
    """

    @wraps(service)
    def done(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(0 if connection.in_atomic_block else DEADLOCKS_MAX):
            try:
                return service(*args, **kwargs)
            except OperationalError as error:
                if not isinstance(error.__cause__, DeadlockDetected):
                    raise
        return service(*args, **kwargs)

    return done


def _with_live_connection(work: Callable[[], T]) -> T:
    close_old_connections()
    now = time.monotonic()
    if now - getattr(_used, "at", -IDLE_SECONDS) < IDLE_SECONDS:
        # Django would ask the server "SELECT 1" before every hop; a connection that worked a
        # moment ago is taken at its word.
        connection.health_check_done = True  # type: ignore[attr-defined]
    _used.at = now
    return work()
