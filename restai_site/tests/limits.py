"""For tests of rate limits: used up on the spot, and a Redis that does not answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django_ratelimit.core import get_usage

from restai_site.lib.rate_limit import TESTS_RATE, count_test
from restai_site.tests.server import free_port

TESTS = 10


def use_up_tests(group: str, actor: Any) -> None:
    """Press the test button of `group` as often as is allowed, early in a minute of the count."""
    key = f"user:{actor.own_id}"
    usage = get_usage(None, group=group, key=lambda *_: key, rate=TESTS_RATE)
    if usage["time_left"] < 10:
        time.sleep(usage["time_left"] + 1)
    for _ in range(TESTS):
        count_test(group, actor)


@contextmanager
def redis_away(settings: Any) -> Iterator[None]:
    """Look for Redis, inside, where nothing listens."""
    url, caches = settings.REDIS_URL, settings.CACHES
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    settings.CACHES = {"default": caches["default"] | {"LOCATION": settings.REDIS_URL}}
    try:
        yield
    finally:
        settings.REDIS_URL, settings.CACHES = url, caches
