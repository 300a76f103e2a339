"""What a call is counted against, and what is told of it."""

from itertools import count

import pytest

from metering.rate_limits import RateLimited, admit
from restai_site.lib.actor import Actor
from restai_site.lib.errors import Unavailable
from restai_site.tests.limits import redis_away

# No row of the tests has these ids.
ids = count(7_000_000_000)


def somebody(**values):
    return Actor(user_id=next(ids), email="", **values)


def attempts(number, actor, **project):
    """Return how many of so many calls were admitted."""
    admitted = 0
    for _ in range(number):
        try:
            admit(actor, **project)
        except RateLimited:
            continue
        admitted += 1
    return admitted


def project(limit):
    return {"project_id": next(ids), "project_limit": limit}


def test_without_a_limit_redis_is_not_asked(settings):
    with redis_away(settings):
        assert admit(somebody(), **project(None)) is None


@pytest.mark.parametrize(
    ("actor", "of"),
    [
        (somebody(), project(5)),
        (somebody(requests_per_minute=5), {}),
        (somebody(api_key_id=next(ids), key_requests_per_minute=5), {}),
    ],
    ids=["project", "user", "key"],
)
def test_with_a_limit_nothing_passes_while_redis_is_away(settings, actor, of):
    with redis_away(settings), pytest.raises(Unavailable) as refused:
        admit(actor, **of)
    assert refused.value.status == 503
    assert (refused.value.retry_after or 0) >= 1


def test_a_project_is_limited_whoever_calls_it():
    one = project(3)
    assert sum(attempts(2, somebody(), **one) for _ in range(4)) == 3


def test_a_user_is_limited_over_all_keys_and_projects():
    ada = {"user_id": next(ids), "email": "", "requests_per_minute": 3}
    admitted = [
        attempts(1, Actor(**ada)),
        attempts(1, Actor(**ada, api_key_id=next(ids)), **project(None)),
        attempts(3, Actor(**ada, api_key_id=next(ids)), **project(9)),
    ]
    assert admitted == [1, 1, 1]


def test_a_key_is_limited_over_all_projects_and_other_keys_are_not():
    owner, key = next(ids), next(ids)
    limited = Actor(user_id=owner, email="", api_key_id=key, key_requests_per_minute=2)
    assert attempts(1, limited, **project(9)) + attempts(3, limited, **project(9)) == 2
    assert attempts(3, Actor(user_id=owner, email="", api_key_id=next(ids))) == 3


def test_what_one_limit_refuses_uses_up_nothing_of_the_others():
    one, greedy = project(4), somebody(requests_per_minute=1)
    assert attempts(10, greedy, **one) == 1
    assert attempts(10, somebody(), **one) == 3


def test_the_limit_of_one_project_is_not_that_of_another():
    ada, one, other = somebody(), project(1), project(2)
    assert [attempts(3, ada, **of) for of in (one, other)] == [1, 2]


def test_headers_tell_of_the_tightest_limit_and_of_all_policies():
    of, actor = project(10), somebody(requests_per_minute=3)
    rate = admit(actor, **of)
    headers = rate.headers()
    assert headers.pop("RateLimit-Reset") in {"59", "60"}
    assert headers == {
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "2",
        "RateLimit-Policy": "10;w=60, 3;w=60",
    }


def test_limits_of_one_size_are_one_policy():
    assert admit(somebody(requests_per_minute=3), **project(3)).policy == "3;w=60"


@pytest.mark.parametrize(
    ("actor", "of", "whose", "words"),
    [
        (somebody(), project(1), "project", "This project takes 1 request a minute."),
        (
            somebody(api_key_id=next(ids), key_requests_per_minute=2),
            {},
            "key",
            "This API key may send 2 requests a minute.",
        ),
        (somebody(requests_per_minute=2), {}, "user", "You may send 2 requests a minute."),
    ],
    ids=["project", "key", "user"],
)
def test_a_refusal_says_whose_limit_it_is_and_when_to_come_back(actor, of, whose, words):
    attempts(2, actor, **of)
    with pytest.raises(RateLimited) as refused:
        admit(actor, **of)
    error = refused.value
    assert (error.status, error.code, error.more) == (429, "rate_limited", {"limited": whose})
    assert error.retry_after in {58, 59, 60}
    assert error.message == f"{words} Try again in {error.retry_after} seconds."
    assert error.headers["RateLimit-Remaining"] == "0"
    assert error.headers["RateLimit-Reset"] == str(error.retry_after)
