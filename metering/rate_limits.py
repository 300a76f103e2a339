"""How many calls of models a project, an API key or a person may make in a minute.

A call is counted before anything of it is kept or held, and in all of its limits or in none: what
one limit refuses uses up nothing of the others.
"""

from typing import NamedTuple
from uuid import uuid4

from restai_site.lib import windows
from restai_site.lib.actor import Actor
from restai_site.lib.errors import TooManyRequests
from restai_site.lib.windows import Standing, Window

WINDOW_SECONDS = 60
WHOSE = {
    "project": "This project takes",
    "key": "This API key may send",
    "user": "You may send",
}


class Rate(NamedTuple):
    """How the tightest limit of a call stands, once the call has been counted or refused.

    At most `remaining` more calls pass now, and one more after `reset_seconds`. `policy` names all
    limits that apply.
    """

    limit: int
    remaining: int
    reset_seconds: int
    policy: str

    def headers(self) -> dict[str, str]:
        """Return what every answer to the call tells of it.

        The fields are those of draft-ietf-httpapi-ratelimit-headers-06.
        """
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_seconds),
            "RateLimit-Policy": self.policy,
        }


class RateLimited(TooManyRequests):
    """A limit is reached; `rate` stands in the headers of the answer."""

    def __init__(self, full: Standing, rate: Rate) -> None:
        whose, limit, seconds = _owner(full), full.window.limit, full.reset_seconds
        requests = "request" if limit == 1 else "requests"
        unit = "second" if seconds == 1 else "seconds"
        super().__init__(
            f"{WHOSE[whose]} {limit} {requests} a minute. Try again in {seconds} {unit}.",
            retry_after=seconds,
            more={"limited": whose},
            headers=rate.headers(),
        )
        self.rate = rate


def admit(
    actor: Actor, *, project_id: int | None = None, project_limit: int | None = None
) -> Rate | None:
    """Count a call against the limits of its project, key and user.

    Returns how they stand afterwards; None where there is none, and Redis is not asked then. Raises
    RateLimited, and Unavailable where Redis does not answer: an uncounted call would be one too
    many.
    """
    limits = [
        (f"project:{project_id}", project_limit),
        (f"key:{actor.api_key_id}", actor.key_requests_per_minute),
        (f"user:{actor.user_id}", actor.requests_per_minute),
    ]
    limited = [Window(name, limit, WINDOW_SECONDS) for name, limit in limits if limit is not None]
    if not limited:
        return None
    taken = windows.take(limited, uuid4().bytes)
    rate = _rate(taken.standings)
    if not taken.is_admitted:
        full = [one for one in taken.standings if one.is_full]
        # The one that is full the longest: after it none of them is, unless others come first.
        raise RateLimited(max(full, key=lambda one: one.reset_seconds), rate)
    return rate


def _rate(standings: list[Standing]) -> Rate:
    tightest = min(standings, key=lambda one: (one.remaining, -one.reset_seconds))
    policies = dict.fromkeys(f"{one.window.limit};w={WINDOW_SECONDS}" for one in standings)
    return Rate(
        tightest.window.limit, tightest.remaining, tightest.reset_seconds, ", ".join(policies)
    )


def _owner(standing: Standing) -> str:
    return standing.window.name.partition(":")[0]
