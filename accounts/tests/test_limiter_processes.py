"""The limiter over several processes: of parallel wrong log-ins exactly the limit is judged."""

from base64 import b64encode
from collections import Counter
from functools import partial
from http.client import HTTPConnection

import pytest

from accounts.models import AttemptCounter, User
from restai_site.tests.parallel import together
from restai_site.tests.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
WORKERS, PARALLEL, LIMIT, LIMIT_OF_ADDRESS = 4, 40, 5, 10
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def four_workers(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        limits = {"ATTEMPTS_PER_ADDRESS": str(LIMIT_OF_ADDRESS)}
        with Server(workers=WORKERS, **limits) as running:
            yield running


@pytest.fixture
def user(transactional_db):
    user = User(email="ada@example.org")
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(server, email: str, password: str) -> int:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=120)
    credential = b64encode(f"{email}:{password}".encode()).decode()
    try:
        connection.request("GET", "/api/me", headers={"Authorization": f"Basic {credential}"})
        return connection.getresponse().status
    finally:
        connection.close()


def at_once(server, emails: list[str], password: str) -> Counter:
    """Send them all at the same moment, each over a connection of its own."""
    return Counter(together([partial(log_in, server, email, password) for email in emails]))


def test_of_forty_parallel_wrong_log_ins_over_four_workers_five_are_judged(four_workers, user):
    spellings = ["ada@example.org", "ADA@example.org", "ada+x@example.org", " ada@example.org "]
    emails = [spellings[number % len(spellings)] for number in range(PARALLEL)]
    answers = at_once(four_workers, emails, "wrong")
    assert answers == {401: LIMIT, 429: PARALLEL - LIMIT}
    # Locked: the right password is not judged either, by whichever worker.
    assert at_once(four_workers, [user.email] * WORKERS, PASSWORD) == {429: WORKERS}
    counts = AttemptCounter.objects.exclude(blocked_until=None).values_list("failures", flat=True)
    assert sorted(counts) == [LIMIT, LIMIT_OF_ADDRESS]


def test_of_forty_parallel_guesses_at_as_many_accounts_ten_are_judged_from_an_address(
    four_workers, user
):
    emails = [f"nobody{number}@example.org" for number in range(PARALLEL)]
    answers = at_once(four_workers, emails, "wrong")
    assert answers == {401: LIMIT_OF_ADDRESS, 429: PARALLEL - LIMIT_OF_ADDRESS}
    assert AttemptCounter.objects.filter(failures=LIMIT_OF_ADDRESS).count() == 1
    assert AttemptCounter.objects.filter(failures=1).count() == LIMIT_OF_ADDRESS
