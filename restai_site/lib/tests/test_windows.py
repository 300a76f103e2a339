"""Sliding windows in Redis: exact, all or none, and closed where Redis is away."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from restai_site.lib import windows
from restai_site.lib.errors import Unavailable
from restai_site.lib.windows import (
    FAILURES_MAX,
    PREFIX,
    SCRIPT,
    Breaker,
    Counter,
    Window,
    take,
)
from restai_site.tests.black_holes import BlackHole
from restai_site.tests.server import free_port
from restai_site.tests.waiting import eventually


def fresh(limit, seconds=60):
    return Window(f"test:{uuid4()}", limit, seconds)


def taken(*of):
    return take(of, uuid4().bytes)


def client():
    return redis.Redis.from_url(settings.REDIS_URL)


def test_as_many_as_the_limit_are_admitted_and_no_more():
    window = fresh(3)
    assert [taken(window).is_admitted for _ in range(6)] == [True] * 3 + [False] * 3


def test_what_is_left_and_when_there_is_more_is_told():
    window = fresh(3)
    first, second = taken(window).standings[0], taken(window).standings[0]
    assert (first.remaining, second.remaining) == (2, 1)
    assert 30 <= second.reset_seconds <= 60
    taken(window)
    refused = taken(window).standings[0]
    assert (refused.remaining, refused.is_full) == (0, True)
    assert 30 <= refused.reset_seconds <= 60


def test_what_is_refused_does_not_count():
    window = fresh(2, seconds=0.4)
    taken(window)
    for _ in range(50):
        taken(window)
    assert client().zcard(PREFIX + window.name) == 2
    # Were refusals counted, trying all the time would keep the window full for ever.
    eventually(lambda: taken(window).is_admitted, seconds=5)


def test_the_window_slides_and_has_no_edge_at_which_twice_as_many_pass():
    window, admitted = fresh(4, seconds=0.5), []
    end = time.monotonic() + 2.2
    while time.monotonic() < end:
        before = time.monotonic()
        if taken(window).is_admitted:
            admitted.append((before, time.monotonic()))
    assert len(admitted) >= 12
    # Each fifth was counted at least a window after the one four before it, by Redis' clock: so it
    # ended (here) no earlier than that one began.
    for first, fifth in zip(admitted, admitted[4:], strict=False):
        assert fifth[1] - first[0] >= 0.5


def test_of_several_windows_a_request_counts_in_all_or_in_none():
    wide, narrow = fresh(10), fresh(2)
    for _ in range(5):
        taken(wide, narrow)
    assert [client().zcard(PREFIX + one.name) for one in (wide, narrow)] == [2, 2]
    standings = taken(narrow, wide).standings
    assert [one.remaining for one in standings] == [0, 8]


def test_of_forty_at_once_exactly_five_are_admitted():
    window, start = fresh(5), threading.Barrier(40)

    def attempt(_):
        start.wait()
        return taken(window).is_admitted

    with ThreadPoolExecutor(40) as threads:
        assert sum(threads.map(attempt, range(40))) == 5


def test_two_windows_that_many_share_in_part_are_both_exact():
    shared, own = fresh(9), [fresh(2) for _ in range(8)]
    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(lambda place: taken(shared, own[place % 8]), range(64)))
    assert sum(one.is_admitted for one in done) == 9
    used = [client().zcard(PREFIX + one.name) for one in own]
    assert sum(used) == 9
    assert max(used) <= 2


def test_a_limit_that_was_lowered_waits_until_enough_have_left():
    wide = fresh(5, seconds=1)
    for _ in range(4):
        taken(wide)
        time.sleep(0.05)
    standing = taken(wide._replace(limit=2)).standings[0]
    assert standing.is_full
    leaving = client().zrange(PREFIX + wide.name, 2, 2, withscores=True)[0][1]
    now = client().time()
    left = leaving + 1_000_000 - (now[0] * 1_000_000 + now[1])
    # The third oldest has to leave until one is below the limit of two.
    assert left <= standing.reset_seconds * 1_000_000


def test_a_limit_that_was_raised_knows_those_before():
    window = fresh(1)
    taken(window)
    assert not taken(window).is_admitted
    raised = window._replace(limit=3)
    assert [taken(raised).is_admitted for _ in range(3)] == [True, True, False]


def test_after_the_time_that_is_told_a_request_is_admitted():
    window = fresh(1, seconds=0.3)
    taken(window)
    standing = taken(window).standings[0]
    assert standing.reset_seconds == 1
    time.sleep(standing.reset_seconds)
    assert taken(window).is_admitted


def test_a_window_that_nobody_uses_leaves_nothing_behind():
    window = fresh(5, seconds=0.05)
    taken(window)
    assert 0 < client().pttl(PREFIX + window.name) <= 1050


def test_a_clock_that_was_set_back_locks_nobody_out():
    window = fresh(1)
    seconds, micro = client().time()
    ahead = (seconds + 3600) * 1_000_000 + micro
    client().zadd(PREFIX + window.name, {b"from the future": ahead})
    assert taken(window).is_admitted
    assert client().zcard(PREFIX + window.name) == 1


def test_all_windows_are_in_one_slot_of_a_cluster():
    names = [PREFIX + name for name in ("project:1", "key:2", "user:3")]
    slots = {redis.crc.key_slot(name.encode()) for name in names}
    assert len(slots) == 1


def test_a_server_that_forgot_the_script_is_given_it_again():
    window = fresh(5)
    taken(window)
    client().script_flush()
    assert taken(window).standings[0].remaining == 3


def test_a_connection_that_was_closed_meanwhile_costs_nobody_an_answer():
    window = fresh(5)
    taken(window)
    client().client_kill_filter(_type="normal", skipme=True)
    assert taken(window).is_admitted


class Clock:
    """The time that the reference goes by: it reads it as the standard library's."""

    now = 1000.0


CLOCKED = SCRIPT.replace("redis.call('TIME')", "{'0', ARGV[#ARGV]}")


@examples(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    limit=st.integers(1, 6),
    span=st.integers(1, 5),
    gaps=st.lists(st.integers(0, 2_500_000), min_size=1, max_size=40),
)
def test_verdicts_are_those_of_another_implementation(limit, span, gaps):
    """Both are given the same moments: `limits`, which is a library of its own, and the script."""
    clock, connection = Clock(), client()
    window, name = MovingWindowRateLimiter(MemoryStorage()), f"{PREFIX}test:{uuid4()}"
    item = RateLimitItemPerSecond(limit, span)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("limits.storage.memory.time.time", lambda: clock.now)
        for gap in gaps:
            # A microsecond more: where a request leaves and another comes at the same moment, which
            # of the two was first is a matter of taste.
            clock.now = round(clock.now + gap / 1_000_000 + 0.000001, 6)
            moment = round(clock.now * 1_000_000)
            values = [uuid4().bytes, limit, span * 1_000_000, moment]
            ours = bool(connection.eval(CLOCKED, 1, name, *values)[0])
            assert ours == window.hit(item, "test"), (limit, span, gaps)
    connection.delete(name)


def test_a_redis_that_never_answers_is_asked_once_and_then_left_alone():
    with BlackHole() as hole:
        counter = Counter(hole.redis_url)
        for asked in range(1, FAILURES_MAX + 1):
            with pytest.raises(Unavailable) as refused:
                counter.take([fresh(5)], b"member")
            assert refused.value.status == 503
            assert refused.value.code == "limiter_unavailable"
            assert refused.value.retry_after == 2
            assert hole.connections == asked
        for _ in range(20):
            with pytest.raises(Unavailable):
                counter.take([fresh(5)], b"member")
        assert hole.connections == FAILURES_MAX


def test_waiting_for_a_redis_that_never_answers_has_an_end():
    with BlackHole() as hole:
        asking = threading.Thread(target=_refused, args=[Counter(hole.redis_url)], daemon=True)
        asking.start()
        # Far more than the patience, far less than the library's own time-outs and retries.
        asking.join(4)
        assert not asking.is_alive()


def _refused(counter):
    with pytest.raises(Unavailable):
        counter.take([fresh(5)], b"member")


def test_the_address_cannot_lengthen_the_patience():
    with BlackHole() as hole:
        counter = Counter(hole.redis_url + "?socket_timeout=60&socket_connect_timeout=60")
        asking = threading.Thread(target=_refused, args=[counter], daemon=True)
        asking.start()
        asking.join(4)
        assert not asking.is_alive()


def test_a_redis_that_hangs_up_is_asked_once():
    with BlackHole(hangs_up=True) as hole:
        _refused(Counter(hole.redis_url))
        assert hole.connections == 1


def test_nothing_listening_is_away_too():
    _refused(Counter(f"redis://127.0.0.1:{free_port()}/0"))


def test_a_redis_that_refuses_the_script_is_away_too():
    admin = client()
    password, user = uuid4().hex, f"u{uuid4().hex}"
    admin.acl_setuser(user, enabled=True, passwords=[f"+{password}"], keys="*", commands=["+ping"])
    try:
        at = settings.REDIS_URL.rpartition("@")[2]
        _refused(Counter(f"redis://{user}:{password}@{at}"))
    finally:
        admin.acl_deluser(user)


def test_after_the_pause_one_asks_and_the_others_go_on_waiting(monkeypatch):
    monkeypatch.setattr(windows, "PAUSE_SECONDS", 0.2)
    breaker = Breaker()
    for _ in range(FAILURES_MAX):
        assert breaker.pause() == 0
        breaker.note(is_well=False)
    assert breaker.pause() > 0
    eventually(lambda: breaker.pause() == 0, seconds=5)
    assert breaker.pause() > 0
    breaker.note(is_well=True)
    assert [breaker.pause() for _ in range(3)] == [0, 0, 0]


def test_failures_count_in_a_row_only():
    breaker = Breaker()
    for _ in range(10):
        for _ in range(FAILURES_MAX - 1):
            breaker.note(is_well=False)
        breaker.note(is_well=True)
    assert breaker.pause() == 0


def test_a_redis_that_is_back_is_used_again(monkeypatch):
    monkeypatch.setattr(windows, "PAUSE_SECONDS", 0.05)
    counter = Counter(f"redis://127.0.0.1:{free_port()}/0")
    for _ in range(FAILURES_MAX):
        _refused(counter)
    counter._url = settings.REDIS_URL
    del counter._script

    def admitted():
        try:
            return counter.take([fresh(5)], b"member").is_admitted
        except Unavailable:
            return False

    eventually(admitted, seconds=5)


def test_whether_requests_are_counted_can_be_asked(settings):
    assert windows.is_answering()
    with BlackHole() as hole:
        settings.REDIS_URL = hole.redis_url
        assert not windows.is_answering()
        assert hole.connections == 1
