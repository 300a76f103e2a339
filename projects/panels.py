"""What the overview of a project shows. The apps above say what they have to show of it.

An app declares its panels in its module `project_panels.py`:

    @panel(order=10)
    def use(request: SignedInRequest, project: Project) -> Panel:
        return Panel("metering/project_use.html", {...})
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from accounts.access import SignedInRequest
from projects.models import Project


class Panel(NamedTuple):
    """A part of the page: its template finds `context` as `panel`, beside the page's own."""

    template: str
    context: dict[str, Any]
    needs_charts: bool = False


Build = Callable[[SignedInRequest, Project], Panel]
_panels: list[tuple[int, Build]] = []


def panel(*, order: int) -> Callable[[Build], Build]:
    """Declare a function that builds a panel; those of lower `order` stand above."""

    def declare(build: Build) -> Build:
        _panels.append((order, build))
        _panels.sort(key=lambda one: one[0])
        return build

    return declare


def panels_of(request: SignedInRequest, project: Project) -> list[Panel]:
    """Return the panels of a project that the actor of `request` sees."""
    return [build(request, project) for _, build in _panels]
