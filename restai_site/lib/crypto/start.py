"""The look at the stored secrets before a process serves."""

import logging
from concurrent.futures import ThreadPoolExecutor

from django.db import Error, connections

from restai_site.lib.crypto.columns import unreadable_columns
from restai_site.lib.env import ConfigurationError

logger = logging.getLogger(__name__)
# A database that takes longer is away: the process starts, and /health/ready tells.
PATIENCE_SECONDS = 5.0


def refuse_unreadable_secrets() -> None:
    """Raise ConfigurationError where the keys do not open the stored secrets.

    Looks at the first and the last secret of each column. Does nothing where the database is away
    or has no tables yet.
    """
    try:
        columns = unreadable_columns()
    except Error as error:
        logger.warning("The stored secrets could not be looked at: %s", type(error).__name__)
        return
    if columns:
        raise ConfigurationError(
            f"FIELD_ENCRYPTION_KEY does not open the secrets in {' and '.join(columns)}: add the "
            "key that they were written with to the end of the list (docs/operations.md)."
        )


def refuse_unreadable_secrets_at_start() -> None:
    """Do the same on a connection of its own, for a moment in which nothing else works yet.

    A server may import the application while its event loop runs, and a worker forks later.
    """
    thread = ThreadPoolExecutor(1)
    looking = thread.submit(_look_and_hang_up)
    thread.shutdown(wait=False)
    try:
        looking.result(PATIENCE_SECONDS)
    except TimeoutError:
        logger.warning("The database was too slow to look at the stored secrets.")


def _look_and_hang_up() -> None:
    try:
        refuse_unreadable_secrets()
    finally:
        connections.close_all()
