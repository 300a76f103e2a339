"""The tables are emptied although somebody is still at work on them."""

from threading import Thread

import pytest
from django.core.management import call_command
from django.core.management.color import no_style
from django.core.management.sql import sql_flush
from django.db import connection, transaction

from accounts.models import User
from restai_site.tests.waiting import eventually, waiters_for_locks
from restai_site.tests.world import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def tables_in_order() -> list[str]:
    """Return the names of the tables in the order in which the emptying locks them."""
    (statement,) = sql_flush(no_style(), connection)
    return statement.split('"')[1::2]


def test_it_comes_after_a_transaction_with_which_it_waits_in_a_circle():
    make_user("left-behind")
    first, *_, last = tables_in_order()
    emptying = Thread(target=_empty)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f'LOCK TABLE "{last}" IN ACCESS SHARE MODE')
        emptying.start()
        eventually(waiters_for_locks, seconds=20)
        cursor.execute(f'LOCK TABLE "{first}" IN ACCESS SHARE MODE')
    emptying.join()
    assert not User.objects.exists()


def _empty():
    try:
        call_command("flush", interactive=False, verbosity=0)
    finally:
        connection.close()
