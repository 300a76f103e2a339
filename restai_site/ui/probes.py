"""What a test button brought, for ui/probe.html above the form that was tested."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from django.http import HttpResponse

from restai_site.lib.errors import TooManyRequests, Unavailable
from restai_site.lib.http import error_headers


class Result(Protocol):
    """What tests return."""

    @property
    def ok(self) -> bool:
        """Whether it works."""

    @property
    def message(self) -> str:
        """In words, what works or what is wrong."""


@dataclass(frozen=True)
class Probe:
    """The result, or why there is none for now; `status` and `headers` are those of the answer."""

    message: str
    ok: bool = False
    was_run: bool = True
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def probed(attempt: Callable[[], Result]) -> Probe:
    """Run `attempt`; that it may not run now is told in the same place as its result.

    Attempts are for platform administrators, so they read what is meant for them.
    """
    try:
        result = attempt()
    except (TooManyRequests, Unavailable) as error:
        told = error.told_to(administrator=True)
        return Probe(told.message, was_run=False, status=error.status, headers=error_headers(error))
    return Probe(result.message, ok=result.ok)


def as_probed(response: HttpResponse, probe: Probe | None) -> HttpResponse:
    """Give `response` the status and headers of `probe`."""
    if probe is not None and not probe.was_run:
        response.status_code = probe.status
        for name, value in probe.headers.items():
            response.headers[name] = value
    return response
