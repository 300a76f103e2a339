"""Which calls statistics are of: those that the actor may see, narrowed by filters, each once."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Q

from metering.levels import MEMBER, level_for
from metering.models import UsageRecord, UsageRollup
from metering.querysets import RollupQuerySet
from restai_site.lib.actor import Actor
from restai_site.lib.requests import number_in
from teams.querysets import admin_memberships_of

IDS = ("team", "project", "user", "api_key")
NAME_MAX_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address narrows statistics to; None is everything."""

    team: int | None = None
    project: int | None = None
    user: int | None = None
    api_key: int | None = None
    model: str | None = None
    kind: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Filters":
        """Read an address. What makes no sense there is left out."""
        ids = {name: number_in(str(values.get(name, ""))) for name in IDS}
        model = str(values.get("model", "")).replace("\0", "")[:NAME_MAX_LENGTH]
        kind = values.get("kind")
        return cls(
            **ids, model=model or None, kind=kind if kind in UsageRecord.Kind.values else None
        )

    @property
    def given(self) -> dict[str, Any]:
        """The filters that narrow, by their names in the address."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def columns(self) -> dict[str, Any]:
        """The same, by the columns of the roll-ups."""
        names = {"model": "model_name", **{name: f"{name}_id" for name in IDS}}
        return {names.get(name, name): value for name, value in self.given.items()}


class Scope:
    """What one actor may count. Asks which teams they run: one query, none for administrators."""

    def __init__(self, actor: Actor, filters: Filters) -> None:
        self.actor = actor
        self.filters = filters
        self.sees_all = actor.is_platform_admin
        memberships = admin_memberships_of(actor).values_list("team_id", flat=True)
        self.run_teams = [] if self.sees_all else list(memberships)

    @property
    def sees_others(self) -> bool:
        """Whether calls of other people may be among these."""
        return self.sees_all or bool(self.run_teams)

    def rows(self, *dimensions: str) -> RollupQuerySet:
        """Return roll-ups that count each visible call once and tell `dimensions` apart."""
        needed = {*dimensions, *self.filters.columns}
        rows: RollupQuerySet = UsageRollup.objects.visible_to(self.actor)
        if 0 in self.filters.columns.values():
            # Nothing has this id; in the roll-ups, it stands for what is not told apart.
            return rows.none()
        return rows.filter(self._each_call_once(needed), **self.filters.columns)

    def _each_call_once(self, needed: set[str]) -> Q:
        """Return the condition that picks one level; `visible_to` says what of it may be seen."""
        if self.sees_all:
            return Q(level=level_for(needed))
        needed |= {"team_id"} if self.actor.project_ids is None else {"team_id", "project_id"}
        run = Q(team_id__in=self.run_teams)
        own = Q(level=MEMBER, user_id=self.actor.own_id)
        return (Q(level=level_for(needed)) & run) | (own & ~run)
