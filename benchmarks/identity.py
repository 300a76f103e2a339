"""`make bench-identity`: what it costs to find out who sends a request with an API key.

The floor is one bare query of the key's row by its id, over the same connection and asked in turns
with the resolver, so that a machine whose speed drifts hits both alike. Measured is the processor
time of this process; the database's is not in it.
"""

import secrets
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from uuid import uuid4

import django

ROUNDS = 15
CALLS_PER_ROUND = 200
AIM_MICROSECONDS = 1000.0
AIM_QUERIES = 2
Call = Callable[[], object]


def main() -> int:
    """Print both, and the number of queries. Returns 1 where an aim is missed."""
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    key_id, plaintext = _make_key()
    # The first round opens the connection, compiles the query and notes the use of the key.
    rounds = [_both(key_id, plaintext) for _ in range(ROUNDS + 1)][1:]
    floors, costs = ([pair[place] for pair in rounds] for place in (0, 1))
    queries = _queries_of_a_call(plaintext)
    added = statistics.median(cost - floor for floor, cost in rounds)
    cost = statistics.median(costs)
    print(f"{'bare query':16} {statistics.median(floors):7.1f} µs of processor time (median)")
    print(f"{'resolving a key':16} {cost:7.1f} µs (aim: {AIM_MICROSECONDS:.0f} µs at most)")
    print(f"{'added':16} {added:7.1f} µs (median of {ROUNDS} pairs)")
    print(f"{'queries':16} {queries:7.2f} a call (aim: {AIM_QUERIES} at most)")
    return int(cost > AIM_MICROSECONDS or queries > AIM_QUERIES)


def _make_key() -> tuple[int, str]:
    from accounts.services import create_api_key, create_user
    from restai_site.lib.actor import Actor

    password = secrets.token_urlsafe(32)
    system = Actor.system("benchmark")
    user = create_user(email="bench@example.org", password=password, actor=system)
    actor = Actor(user_id=user.pk, email=user.email, session_id=uuid4())
    key, plaintext = create_api_key(user, name="bench", actor=actor)
    return key.pk, plaintext


def _both(key_id: int, plaintext: str) -> tuple[float, float]:
    """Return the microseconds of a bare query, and of resolving the key, in this round."""
    from django.db import connection

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM accounts_apikey WHERE id = %s", [key_id])
            cursor.fetchone()

    return _round([bare] * CALLS_PER_ROUND), _round(_calls(plaintext))


def _calls(plaintext: str) -> list[Call]:
    """Return calls of the resolver, each with a request of its own that is made already."""
    from django.test import RequestFactory

    from accounts.credentials import require

    factory = RequestFactory(headers={"Authorization": f"Bearer {plaintext}"})
    requests = [factory.get("/v1/models") for _ in range(CALLS_PER_ROUND)]
    return [partial(require, request) for request in requests]


def _round(calls: list[Call]) -> float:
    began = time.thread_time()
    for call in calls:
        call()
    return (time.thread_time() - began) / len(calls) * 1e6


def _queries_of_a_call(plaintext: str) -> float:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        _round(_calls(plaintext))
    return len(queries) / CALLS_PER_ROUND


if __name__ == "__main__":
    sys.exit(main())
