"""Health says whether calls that a limit applies to are let through."""

from restai_site.tests.black_holes import BlackHole
from restai_site.tests.limits import redis_away


def test_ready_says_that_limits_fail_closed_where_redis_is_away(client, db, settings):
    with redis_away(settings):
        answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert (answer.json()["redis"], answer.json()["rate_limits"]) == (
        "unavailable",
        "failing closed",
    )


def test_a_redis_that_never_answers_is_asked_once(client, db, settings):
    caches = settings.CACHES
    with BlackHole() as hole:
        settings.CACHES = {"default": caches["default"] | {"LOCATION": hole.redis_url}}
        answer = client.get("/health/ready")
        assert answer.json()["redis"] == "unavailable"
        assert hole.connections == 1


def test_rate_limits_may_fail_where_redis_answers_otherwise(client, db, settings):
    with BlackHole() as hole:
        settings.REDIS_URL = hole.redis_url
        answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["redis"] == "ok"
    assert answer.json()["rate_limits"] == "failing closed"
