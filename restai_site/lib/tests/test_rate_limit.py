"""What is limited is counted in Redis, for all processes together, or is refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.core.cache.backends.dummy import DummyCache

from restai_site.lib.actor import Actor
from restai_site.lib.errors import TooManyRequests, Unavailable
from restai_site.lib.rate_limit import count_test, count_use
from restai_site.tests.limits import redis_away, use_up_tests

ADA, BOB = (Actor(user_id=number, email="") for number in (1, 2))


class Forgetful(DummyCache):
    """A cache that loses what was counted before it can count on."""

    def add(self, *args, **kwargs):
        return False


@pytest.fixture(autouse=True)
def _nothing_counted():
    cache.clear()


def test_the_eleventh_test_of_a_minute_is_refused_with_the_time_to_wait():
    use_up_tests("a", ADA)
    with pytest.raises(TooManyRequests) as refused:
        count_test("a", ADA)
    seconds = refused.value.retry_after or 0
    assert 1 <= seconds <= 60
    assert refused.value.message == f"That was too often: wait {seconds} seconds, then try again."


def test_each_person_and_each_group_is_counted_alone():
    use_up_tests("a", ADA)
    count_test("a", BOB)
    count_test("b", ADA)


def test_of_many_at_once_no_more_than_the_limit_pass():
    def attempt(_):
        try:
            count_use("crowd", "all", rate="20/h")
        except TooManyRequests:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(60))) == 20


def test_without_redis_nothing_passes(settings):
    with redis_away(settings), pytest.raises(Unavailable) as refused:
        count_test("a", ADA)
    assert refused.value.status == 503
    assert refused.value.message == (
        "Redis, which counts how often this is done, does not answer: try again later."
    )


def test_a_count_that_is_lost_is_refused(settings):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Forgetful"}}
    with pytest.raises(Unavailable):
        count_test("a", ADA)
