"""What the own profile and the page of a user show. The apps above say what they have to show.

An app declares its panels in its module `user_panels.py`:

    @panel(Place.PROFILE, order=10)
    def budgets(request: SignedInRequest, person: User) -> Panel | None:
        return Panel("metering/own_budgets.html", {...})
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Any, NamedTuple

from accounts.access import SignedInRequest
from accounts.models import User


class Place(Enum):
    """The page that a panel is on."""

    PROFILE = auto()
    USER = auto()


class Panel(NamedTuple):
    """A part of the page: its template finds `context` as `panel`, beside the page's own."""

    template: str
    context: dict[str, Any]


Build = Callable[[SignedInRequest, User], Panel | None]
_panels: list[tuple[int, Place, Build]] = []


def panel(place: Place, *, order: int) -> Callable[[Build], Build]:
    """Declare a function that builds a panel; those of lower `order` stand above."""

    def declare(build: Build) -> Build:
        _panels.append((order, place, build))
        _panels.sort(key=lambda one: one[0])
        return build

    return declare


def panels_of(place: Place, request: SignedInRequest, person: User) -> list[Panel]:
    """Return the panels that `place` has for the page of `person`."""
    built = (build(request, person) for _, where, build in _panels if where is place)
    return [one for one in built if one is not None]
