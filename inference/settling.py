"""The end of a call: what it has used is written, whatever happens to the request meanwhile."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.db import InterfaceError, OperationalError

from accounts import watch
from inference.calls import Answer, Call
from inference.finish import Receipt, finish
from inference.guarded import Blocked
from restai_site.lib.db import in_database
from restai_site.lib.errors import ProviderFailed, ProviderTimedOut

log = logging.getLogger(__name__)
# A database that restarts is back within these.
FINISH_AGAIN_AFTER_SECONDS = (0.1, 0.5, 2, 5)
# Tasks that outlive their request; the loop itself holds them only weakly.
_finishing: set[asyncio.Task[Receipt]] = set()


async def settle(call: Call, answer: Answer, outcome: str) -> Receipt:
    """Run `finish` to its end, whatever happens to the request meanwhile."""
    task = asyncio.ensure_future(_finished(call, answer, outcome))
    _finishing.add(task)
    task.add_done_callback(_finishing.discard)
    return await asyncio.shield(task)


@asynccontextmanager
async def counted_when_it_fails(call: Call, answer: Answer) -> AsyncIterator[None]:
    """Settle the call where what is done inside raises; a client that hangs up cancels.

    Whoever catches Blocked settles for itself.
    """
    try:
        yield
    except Blocked:
        raise
    except BaseException as error:
        await settle(call, answer, outcome_of(error))
        raise


def outcome_of(error: BaseException) -> str:
    """Return the outcome that the ledger keeps for `error`."""
    if isinstance(error, ProviderTimedOut):
        return "timeout"
    if isinstance(
        error, asyncio.CancelledError | GeneratorExit | watch.CredentialEnded | watch.AccessEnded
    ):
        return "cancelled"
    return "provider_error" if isinstance(error, ProviderFailed) else "failed"


async def _finished(call: Call, answer: Answer, outcome: str) -> Receipt:
    """Run `finish`, again where the connection to the database was lost: it writes a call once."""
    for seconds in FINISH_AGAIN_AFTER_SECONDS:
        try:
            return await in_database(finish, call, answer, outcome)
        except (OperationalError, InterfaceError) as error:
            log.warning("The end of a call was not written and is tried again: %s", error)
            await asyncio.sleep(seconds)
    return await in_database(finish, call, answer, outcome)
