"""Counting in sliding windows, in Redis, for all processes together.

A window is exact: in no span of its length, wherever it begins, is more admitted than its limit.
A request is counted in all of its windows or, where one of them is full, in none. Both are decided
by one script in Redis, by the clock of Redis, in one round trip: no other request comes between.

Where Redis does not answer nothing is admitted, soon and without trying again. What a process
remembers (connections, whether Redis has failed of late) only spares it the wait.
"""

import math
import threading
import time
from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any, NamedTuple

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool, parse_url
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from restai_site.lib.errors import Unavailable

PATIENCE_SECONDS = 0.25
# After so many failures in a row Redis is not asked for PAUSE_SECONDS; then one request tries.
FAILURES_MAX = 3
PAUSE_SECONDS = 2.0
MICROSECONDS = 1_000_000
# The braces put all windows into one slot of a cluster, where one script may see all of them.
PREFIX = "restai:{rl}:"
AWAY = (
    "Redis, which counts requests against a limit that applies here, does not answer; until it "
    "does, none can be let through. Try again in a moment."
)
# The members of each set are the requests admitted, by the microsecond. What lies in the future
# is from before the clock was set back, and does not count for ever.
SCRIPT = """
local function number(value) return string.format('%.0f', value) end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local admitted = 1
for place, key in ipairs(KEYS) do
    local limit, span = tonumber(ARGV[2 * place]), tonumber(ARGV[2 * place + 1])
    redis.call('ZREMRANGEBYSCORE', key, '-inf', number(now - span))
    redis.call('ZREMRANGEBYSCORE', key, number(now + span), '+inf')
    if redis.call('ZCARD', key) >= limit then admitted = 0 end
end
local answer = {admitted}
for place, key in ipairs(KEYS) do
    local limit, span = tonumber(ARGV[2 * place]), tonumber(ARGV[2 * place + 1])
    if admitted == 1 then
        redis.call('ZADD', key, number(now), ARGV[1])
        redis.call('PEXPIRE', key, number(span / 1000 + 1000))
    end
    local used = redis.call('ZCARD', key)
    local first = math.max(0, used - limit)
    local leaving = redis.call('ZRANGE', key, first, first, 'WITHSCORES')[2]
    answer[#answer + 1] = used
    answer[#answer + 1] = leaving and leaving + span - now or 0
end
return answer
"""


class Window(NamedTuple):
    """How much of something may happen within any `seconds`; `name` says of what."""

    name: str
    limit: int
    seconds: float = 60


PROBE = Window("probe", 1, 0.001)


class Standing(NamedTuple):
    """How a window stands: `remaining` now, and one more after `reset_seconds`."""

    window: Window
    remaining: int
    reset_seconds: int

    @property
    def is_full(self) -> bool:
        return self.remaining == 0


class Taken(NamedTuple):
    """Whether a request was admitted, and how its windows stand afterwards, in their order."""

    is_admitted: bool
    standings: list[Standing]


class Breaker:
    """Tells when not to ask what has just failed several times. Its state is a process's own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0

    def pause(self) -> float:
        """Return the seconds for which not to ask; 0: ask, and say by `note` what came of it.

        Of those who come after a pause the first asks, for all others the pause goes on.
        """
        with self._lock:
            if self._failures < FAILURES_MAX:
                return 0.0
            now = time.monotonic()
            if now < self._closed_until:
                return self._closed_until - now
            self._closed_until = now + PAUSE_SECONDS
            return 0.0

    def note(self, *, is_well: bool) -> None:
        """Take in how the asking went."""
        with self._lock:
            self._failures = 0 if is_well else self._failures + 1
            if self._failures >= FAILURES_MAX:
                self._closed_until = time.monotonic() + PAUSE_SECONDS


class Counter:
    """The windows at one address of Redis."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.breaker = Breaker()

    @cached_property
    def _script(self) -> Any:
        return redis.Redis(connection_pool=_pool(self._url)).register_script(SCRIPT)

    def take(self, windows: Sequence[Window], member: bytes) -> Taken:
        """Admit the request `member`, a name of its own, to all of `windows` or to none.

        Raises Unavailable, also where Redis may have counted what it did not answer to.
        """
        pause = self.breaker.pause()
        if pause:
            raise _away(pause)
        try:
            return self._asked(windows, member)
        except redis.RedisError:
            raise _away(PAUSE_SECONDS) from None

    def is_answering(self) -> bool:
        """Tell whether Redis counts now, by counting something that nobody is limited in."""
        try:
            self._asked([PROBE], b"probe")
        except redis.RedisError:
            return False
        return True

    def _asked(self, windows: Sequence[Window], member: bytes) -> Taken:
        """Ask Redis, and tell the breaker how that went. Raises RedisError."""
        keys = [PREFIX + window.name for window in windows]
        values = [member, *(part for window in windows for part in _arguments(window))]
        is_well = False
        try:
            answer = self._script(keys, values)
            is_well = True
        finally:
            self.breaker.note(is_well=is_well)
        admitted, *standings = map(int, answer)
        pairs = zip(windows, standings[::2], standings[1::2], strict=True)
        return Taken(bool(admitted), [_standing(*one) for one in pairs])


def take(windows: Sequence[Window], member: bytes) -> Taken:
    """Admit a request to all of `windows` or to none, as `Counter.take`."""
    return counter_at(settings.REDIS_URL).take(windows, member)


def is_answering() -> bool:
    """Tell whether requests can be counted now."""
    return counter_at(settings.REDIS_URL).is_answering()


@cache
def counter_at(url: str) -> Counter:
    """Return the one counter of this process at an address of Redis."""
    return Counter(url)


def _pool(url: str) -> ConnectionPool:
    """Return connections that give up soon and try once, whatever the address says of that."""
    ours: dict[str, Any] = {
        "socket_connect_timeout": PATIENCE_SECONDS,
        "socket_timeout": PATIENCE_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_timeout": False,
        "retry_on_error": [],
        "health_check_interval": 0,
        # As many as there are threads; one that found none free would be refused.
        "max_connections": 10_000,
        # Those would let a server lengthen the time-outs.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    given = parse_url(url)  # type: ignore[no-untyped-call]
    return ConnectionPool(**{**given, **ours})


def _arguments(window: Window) -> tuple[int, int]:
    return window.limit, round(window.seconds * MICROSECONDS)


def _standing(window: Window, used: int, microseconds: int) -> Standing:
    seconds = math.ceil(microseconds / MICROSECONDS)
    return Standing(window, max(0, window.limit - used), max(1, seconds) if used else 0)


def _away(pause: float) -> Unavailable:
    return Unavailable(AWAY, code="limiter_unavailable", retry_after=max(1, math.ceil(pause)))
