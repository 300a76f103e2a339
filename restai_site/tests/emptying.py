"""Emptying the tables after a test, while a server of the tests may still be at work on them."""

from django.db import connection

from restai_site.lib.db import again_after_deadlock


def empty_patiently() -> None:
    """Let the tables be emptied again when that and a server's transaction wait for each other.

    A server goes on after a test has seen what it waited for: it settles, seals, reads for a page
    that has been left. Its locks are then taken in another order than the emptying's, and the
    database ends one of the two.
    """
    operations = type(connection.ops)
    empty = again_after_deadlock(operations.execute_sql_flush)
    # Django offers no other place between its tests and the emptying.
    operations.execute_sql_flush = empty  # type: ignore[method-assign]
