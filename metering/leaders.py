"""Who and what used the most: the groups of calls by one dimension, with their names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, CharField, F, Q, QuerySet, Sum, Value
from django.db.models.functions import Cast, Coalesce, NullIf

from accounts.models import ApiKey
from metering.levels import has_windows, level_for
from metering.models import UsageRecord
from metering.scope import IDS, Scope
from metering.statistics import Statistics
from projects.models import Project
from restai_site.lib.actor import Actor
from teams.models import Team
from teams.querysets import people_known_to

LEADERS = 8
GONE = "No longer there"
KINDS = dict(UsageRecord.Kind.choices)


class By(NamedTuple):
    """A way of grouping calls. `nothing` stands for the calls that have no such thing."""

    title: str
    column: str
    nothing: str = ""
    owner: str = ""

    @property
    def dimensions(self) -> tuple[str, ...]:
        return (self.column, self.owner) if self.owner else (self.column,)


# By the name of the filter that narrows to one of them.
WAYS = {
    "team": By("Team", "team_id", "Without a team"),
    "project": By("Project", "project_id", "Without a project"),
    "model": By("Model", "model_name"),
    "kind": By("Kind", "kind"),
    "user": By("User", "user_id", "Without a user"),
    "api_key": By("API key", "api_key_id", "Without an API key", owner="user_id"),
}


@dataclass(frozen=True, slots=True)
class Leader:
    """One group of calls. `id` is None where the group has a name alone; 0 stands for none."""

    by: str
    id: int | None
    name: str
    requests: int
    failures: int
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal
    # Of an API key.
    owner_id: int | None = None

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def key(self) -> str:
        """What the filter takes to narrow to this group; empty where nothing does."""
        return (str(self.id) if self.id else "") if self.id is not None else self.name


def ways_of(scope: Scope) -> list[str]:
    """Return by what a page shows leaders.

    By nothing that is narrowed to one already; by people where there are others. People of the
    whole platform who used one model would be read from the largest level, and are left out.
    """
    given = scope.filters.given.keys()
    hidden = set(given)
    if "project" in given or not (scope.sees_all or len(scope.run_teams) > 1):
        hidden.add("team")
    if "api_key" in given or not scope.sees_others:
        hidden.add("user")
    if scope.sees_all and not given & set(IDS) and given:
        hidden |= {"user", "api_key"}
    return [way for way in WAYS if way not in hidden]


def leaders(statistics: Statistics, ways: Sequence[str]) -> dict[str, list[Leader]]:
    """Return for each of `ways` the groups that cost the most. Two queries, however many ways."""
    if not ways:
        return {}
    first, *others = (groups(statistics, way)[:LEADERS] for way in ways)
    rows = first.union(*others, all=True) if others else first
    found: dict[str, list[Leader]] = {way: [] for way in ways}
    for row in named([_leader(row) for row in rows], statistics.scope.actor):
        found[row.by].append(row)
    return {way: sorted(rows, key=_order) for way, rows in found.items()}


def groups(statistics: Statistics, way: str) -> QuerySet[Any, dict[str, Any]]:
    """Return the groups of calls, the dearest first, without names."""
    by = WAYS[way]
    scope = statistics.scope
    needed = {*by.dimensions, *scope.filters.columns}
    by_windows = scope.sees_all and has_windows(level_for(needed))
    rows = scope.rows(*by.dimensions).filter(statistics.covered(by_windows=by_windows))
    if way == "api_key":
        rows = rows.filter(api_key_id__gt=0)
    is_text = by.column in {"model_name", "kind"}
    number = F(by.column) if not is_text else Cast(Value(None), BigIntegerField())
    grouped: QuerySet[Any, Any] = rows.values(
        by=Value(way, CharField()),
        number=number,
        text=F(by.column) if is_text else Value("", CharField()),
        owner=F(by.owner) if by.owner else Cast(Value(None), BigIntegerField()),
    ).annotate(
        all_requests=Sum("requests"),
        all_failures=Sum("failures"),
        all_prompt=Sum("prompt_tokens"),
        all_completion=Sum("completion_tokens"),
        all_cost=Sum("cost"),
    )
    return grouped.order_by("-all_cost", "-all_requests", "number", "text")


def _leader(row: dict[str, Any]) -> Leader:
    return Leader(
        by=row["by"],
        id=row["number"],
        name=row["text"],
        requests=int(row["all_requests"]),
        failures=int(row["all_failures"]),
        prompt_tokens=int(row["all_prompt"]),
        completion_tokens=int(row["all_completion"]),
        cost=row["all_cost"],
        owner_id=row["owner"],
    )


def every(statistics: Statistics, way: str) -> list[Leader]:
    """Return all groups, the dearest first, with their names. Two queries."""
    rows = [_leader(row) for row in groups(statistics, way)]
    return named(rows, statistics.scope.actor)


def _order(row: Leader) -> tuple[Any, ...]:
    return (-row.cost, -row.requests, row.id or 0, row.name)


def named(rows: Iterable[Leader], actor: Actor) -> list[Leader]:
    """Return `rows` with the names that the actor may see. What is gone has none."""
    rows = list(rows)
    wanted: dict[str, set[int]] = {}
    for row in rows:
        if row.id:
            wanted.setdefault(row.by, set()).add(row.id)
        if row.owner_id:
            wanted.setdefault("user", set()).add(row.owner_id)
    names = names_of(wanted, actor)
    return [replace(row, name=_name(row, names)) for row in rows]


def _name(row: Leader, names: dict[tuple[str, int], str]) -> str:
    if row.id is None:
        return row.name
    if not row.id:
        return WAYS[row.by].nothing
    if found := names.get((row.by, row.id)):
        return found
    owner = names.get(("user", row.owner_id)) if row.owner_id else None
    return f"A key of {owner}" if owner else GONE


def names_of(wanted: dict[str, set[int]], actor: Actor) -> dict[tuple[str, int], str]:
    """Return the names of what the actor sees, by its filter and id. One query."""
    shown = Coalesce(NullIf(F("name"), Value("")), F("email"), output_field=CharField())
    sources: dict[str, tuple[QuerySet[Any], Any]] = {
        "team": (Team.objects.visible_to(actor), F("name")),
        "project": (Project.objects.visible_to(actor), F("name")),
        "user": (people_known_to(actor), shown),
        "api_key": (ApiKey.objects.visible_to(actor), F("name")),
    }
    queries = [
        rows.filter(Q(pk__in=wanted[way]))
        .order_by()
        .values_list(Value(way, CharField()), "pk", Cast(name, CharField()))
        for way, (rows, name) in sources.items()
        if wanted.get(way)
    ]
    if not queries:
        return {}
    first, *others = queries
    found = first.union(*others, all=True) if others else first
    return {(way, pk): name for way, pk, name in found}
