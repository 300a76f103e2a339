"""What is kept for a time. Each app says what it has, for its own rows.

An app declares it in its module `retention.py`:

    @kept("guard_events", "Findings of guards", by_project=True)
    def findings(cut: Cut) -> QuerySet[GuardEvent]:
        return cut.of(GuardEvent.objects.filter(created_at__lt=cut.before))

The slug is the name of a setting of RetentionSection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet

from projects.sections import RetentionSection
from restai_site.lib.configuration import current


@dataclass(frozen=True, slots=True)
class Cut:
    """Which rows are over: those of before a moment, of some teams, of some projects, or of all."""

    before: datetime
    teams: tuple[int, ...] | None = None
    projects: tuple[int, ...] | None = None

    def of(self, rows: Any, project: str = "project_id", team: str = "team_id") -> Any:
        """Narrow `rows`, which have these names for their project and their team."""
        if self.teams is not None:
            return rows.filter(**{f"{team}__in": self.teams})
        if self.projects is not None:
            return rows.filter(**{f"{project}__in": self.projects})
        return rows

    def as_json(self) -> dict[str, Any]:
        """Return it as a run keeps it."""
        return {
            "before": self.before.isoformat(),
            "teams": list(self.teams) if self.teams is not None else None,
            "projects": list(self.projects) if self.projects is not None else None,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Cut":
        """Return what `as_json` has written."""
        teams, projects = value["teams"], value["projects"]
        return cls(
            before=datetime.fromisoformat(value["before"]),
            teams=None if teams is None else tuple(teams),
            projects=None if projects is None else tuple(projects),
        )


Rows = Callable[[Cut], QuerySet[Any]]
Purge = Callable[[Cut, int], int]
Edge = Callable[[datetime, int], datetime]


def days_before(now: datetime, days: int) -> datetime:
    """Return the moment from which on rows are kept: so many times 24 hours before `now`."""
    return now - timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data. `rows` are those that are over; `purge` removes some, and says how many."""

    slug: str
    title: str
    by_project: bool
    rows: Rows
    purge: Purge
    edge: Edge

    @property
    def days(self) -> int:
        """For how many days the platform keeps it; 0: until somebody deletes it."""
        found: int = current(RetentionSection).values[self.slug]
        return found

    @property
    def explanation(self) -> str:
        """What the page says of it."""
        return RetentionSection.setting(self.slug).explanation


_kinds: dict[str, Kind] = {}


def kept(
    slug: str,
    title: str,
    *,
    by_project: bool = False,
    purge: Purge | None = None,
    edge: Edge = days_before,
) -> Callable[[Rows], Rows]:
    """Declare the function that finds which rows of a kind are over.

    Without `purge` the rows are deleted as Django does it, oldest first by their key's order.
    Raises ImproperlyConfigured for a slug that is in use or no setting.
    """

    def declare(rows: Rows) -> Rows:
        if slug in _kinds or slug not in RetentionSection.settings():
            raise ImproperlyConfigured(f"“{slug}” is no setting of retention, or is there already.")
        _kinds[slug] = Kind(slug, title, by_project, rows, purge or _deleting(rows), edge)
        return rows

    return declare


def kinds() -> list[Kind]:
    """Return all kinds in the order of their settings."""
    return [_kinds[name] for name in RetentionSection.settings() if name in _kinds]


def kind_named(slug: str) -> Kind:
    """Return one kind. Raises KeyError."""
    return _kinds[slug]


def _deleting(rows: Rows) -> Purge:
    def purge(cut: Cut, most: int) -> int:
        found = rows(cut)
        ids = list(found.values_list("pk", flat=True)[:most])
        if not ids:
            return 0
        model = found.model
        _, by_model = model._base_manager.filter(pk__in=ids).delete()
        return int(by_model.get(model._meta.label, 0))

    return purge
