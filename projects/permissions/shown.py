"""What the pages of permissions show, prepared from the matrix."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.core.paginator import Page, Paginator

from accounts.models import User
from projects.models import Project
from projects.permissions.effective import Level, Pair, counts, pairs
from projects.permissions.matrix import memberships
from projects.permissions.scope import Selection
from teams.models import Membership

COLUMNS = 12
TEAMS_SHOWN = 3
ACCESS_OPTIONS = (
    ("", "Any access"),
    ("manage", "Manages a project"),
    ("edit", "Edits a project"),
    ("use", "Uses a project"),
    ("none", "Reaches no project"),
)
FLAG_OPTIONS = (
    ("", "Everybody"),
    ("admin", "Platform administrators"),
    ("restricted", "Restricted"),
    ("suspended", "Suspended"),
)


@dataclass(frozen=True)
class Person:
    """A line of the list: a user, some of their teams, and how many projects they reach."""

    user: User
    memberships: list[Membership]
    levels: list[tuple[Level, int]]

    @property
    def teams_shown(self) -> list[Membership]:
        return self.memberships[:TEAMS_SHOWN]

    @property
    def teams_left(self) -> int:
        return len(self.memberships) - len(self.teams_shown)


@dataclass(frozen=True)
class Grid:
    """Some people and some projects, and what joins them."""

    columns: Page[Project]
    lines: list[tuple[User, list[Pair | None]]]


def people_of(users: Sequence[User], selection: Selection) -> list[Person]:
    """Return the lines of the list. Two queries."""
    ids = [user.pk for user in users]
    levels = counts(ids, selection.area)
    by_user: dict[int, list[Membership]] = {pk: [] for pk in ids}
    for membership in memberships(ids, selection.scope):
        by_user[membership.user_id].append(membership)
    return [
        Person(user, by_user[user.pk], sorted(levels.get(user.pk, {}).items(), reverse=True))
        for user in users
    ]


def grid_of(users: Sequence[User], selection: Selection, *, columns: str | None) -> Grid:
    """Return the grid of these users and one page of the projects of the selection.

    Whatever level was asked for, all that the users reach is shown. Three queries.
    """
    projects = selection.projects().only("pk", "name", "team_id").order_by("name", "pk")
    page = Paginator(projects, COLUMNS).get_page(columns)
    area = replace(selection.area, level=None)
    held = {
        (pair.user_id, pair.project_id): pair for pair in pairs([user.pk for user in users], area)
    }
    shown = list(page.object_list)
    lines = [(user, [held.get((user.pk, project.pk)) for project in shown]) for user in users]
    return Grid(page, lines)
