"""What must hold when two requests meet."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from accounts.models import User
from accounts.services import update_user
from restai_site.lib.errors import Conflict
from restai_site.tests.world import acting

ROUNDS = 5


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_demote_each_other_leave_one():
    for number in range(ROUNDS):
        User.objects.all().delete()
        pair = [
            User.objects.create(email=f"{name}{number}@example.org", is_platform_admin=True)
            for name in "ab"
        ]
        start = Barrier(2)

        def demote(actor_of, target, start=start):
            actor = acting(actor_of)
            start.wait()
            try:
                update_user(target, {"is_platform_admin": False}, actor=actor)
            except Conflict:
                return "refused"
            finally:
                connection.close()
            return "done"

        with ThreadPoolExecutor(2) as threads:
            outcomes = list(threads.map(demote, pair, reversed(pair)))
        assert sorted(outcomes) == ["done", "refused"]
        assert User.objects.filter(is_platform_admin=True).count() == 1
