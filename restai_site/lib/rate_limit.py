"""Limits on how often something may be done, counted in Redis for all processes together."""

from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

from restai_site.lib.actor import Actor
from restai_site.lib.errors import Invalid, TooManyRequests, Unavailable

# The most that a limit of calls in a minute may be.
PER_MINUTE_MAX = 100_000
# Test buttons connect to where an administrator says, and tell what was found there.
TESTS_RATE = "10/m"
REDIS_AWAY = "Redis, which counts how often this is done, does not answer: try again later."


def count_use(group: str, key: str, *, rate: str) -> None:
    """Count one use of `group` by `key` against `rate`, such as "10/m".

    Raises TooManyRequests over the limit, and Unavailable where nothing can be counted.
    """
    try:
        usage = get_usage(None, group=group, key=lambda *_: key, rate=rate, increment=True)
    except RedisError:
        raise Unavailable(REDIS_AWAY) from None
    if usage is None or usage["time_left"] < 0:
        # So the library tells that its count was lost.
        raise Unavailable(REDIS_AWAY)
    if usage["should_limit"]:
        seconds = max(1, usage["time_left"])
        raise TooManyRequests(
            f"That was too often: wait {seconds} seconds, then try again.",
            retry_after=seconds,
        )


def require_per_minute(value: int | None) -> None:
    """Raise Invalid unless `value` can be a limit of calls in a minute; None is none."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (is_whole and 1 <= value <= PER_MINUTE_MAX):
        message = f"Choose from 1 to {PER_MINUTE_MAX} requests a minute, or none for no limit."
        raise Invalid(message, fields={"requests_per_minute": [message]})


def count_test(group: str, actor: Actor) -> None:
    """Count one press of a test button of `group`. Raises as `count_use` does."""
    count_use(group, f"user:{actor.own_id}", rate=TESTS_RATE)
