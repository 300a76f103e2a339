"""Emptying the tables after a test, while a server of the tests may still be at work on them."""

from django.db import OperationalError, connection
from psycopg.errors import DeadlockDetected

TRIES = 10


def empty_patiently() -> None:
    """Let the tables be emptied again when that and a server's transaction wait for each other.

    A server goes on after a test has seen what it waited for: it settles, seals, reads for a page
    that has been left. Its locks are then taken in another order than the emptying's, and the
    database ends one of the two.
    """
    operations = type(connection.ops)
    empty = operations.execute_sql_flush

    def empty_again(self, statements):
        for left in reversed(range(TRIES)):
            try:
                empty(self, statements)
            except OperationalError as error:
                if not isinstance(error.__cause__, DeadlockDetected) or not left:
                    raise
            else:
                return

    operations.execute_sql_flush = empty_again  # type: ignore[method-assign]
