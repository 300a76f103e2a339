"""The matrix: for each of some users what they reach, as far as the reader may know it.

However many users, it takes the same number of queries.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Now

from accounts.models import ApiKey, User
from projects.permissions.effective import Area, Pair, pairs, reach_of_keys
from projects.permissions.scope import Scope, Selection
from teams.models import Membership, Team
from teams.services import GRANT_FIELDS

Names = dict[str, list[str]]


@dataclass(frozen=True)
class Key:
    """An API key that has been neither revoked nor expired, as far as the reader may know it.

    `is_whole` says whether the reader knows of all that the key reaches. `project_ids` and
    `reaches` are of the projects that the reader knows.
    """

    key: ApiKey
    is_whole: bool
    project_ids: list[int] | None
    project_names: list[str]
    team_name: str = ""
    reaches: int = 0

    @property
    def name(self) -> str | None:
        """The owner's note on what the key is for; None where that is not for the reader."""
        return self.key.name if self.is_whole else None


@dataclass
class Row:
    """A user and what they reach."""

    user: User
    memberships: list[Membership] = field(default_factory=list)
    models: Names = field(default_factory=lambda: {kind: [] for kind in GRANT_FIELDS})
    pairs: list[Pair] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)


def matrix(users: Sequence[User], selection: Selection) -> list[Row]:
    """Return a row for each of `users`, in their order. Eight queries.

    The projects are those of the selection; teams, models and keys all that the scope allows.
    """
    rows = {user.pk: Row(user) for user in users}
    ids, scope = list(rows), selection.scope
    for pair in pairs(ids, selection.area):
        rows[pair.user_id].pairs.append(pair)
    for membership in memberships(ids, scope):
        rows[membership.user_id].memberships.append(membership)
    for user_id, names in models_of(users, scope).items():
        rows[user_id].models = names
    for key in keys_of(ids, scope):
        rows[key.key.user_id].keys.append(key)
    return list(rows.values())


def memberships(user_ids: Sequence[int], scope: Scope) -> Iterable[Membership]:
    """Return the memberships of these users in teams of the scope, by name of the team."""
    found = Membership.objects.filter(user__in=user_ids, team__in=scope.teams())
    return found.select_related("team").order_by("team__name", "team_id")


def models_of(users: Sequence[User], scope: Scope) -> dict[int, Names]:
    """Return the names of the enabled models that are granted to each of `users`. Two queries.

    Platform administrators call all models, whatever their teams are granted; where the reader
    knows of some teams alone, it is what those are granted.
    """
    ids = [user.pk for user in users]
    granted = {"teams__memberships__user__in": ids, "teams__in": scope.teams()}
    found: dict[int, Names] = defaultdict(lambda: {kind: [] for kind in GRANT_FIELDS})
    for kind, name, user_id in _models(Q(**granted), "teams__memberships__user_id"):
        found[user_id][kind].append(name)
    if scope.team_ids is None:
        every: Names = {kind: [] for kind in GRANT_FIELDS}
        for kind, name in _models(Q()):
            every[kind].append(name)
        found |= {user.pk: every for user in users if user.is_platform_admin}
    return found


def _models(condition: Q, *columns: str) -> QuerySet[Any, Any]:
    """Return kind, name and `columns` of the enabled models of all kinds, by name. One query."""
    kinds = [
        _model_of(kind)
        .objects.filter(condition, enabled=True)
        .order_by()
        .annotate(granted_as=Value(kind))
        .values_list("granted_as", "name", *columns)
        for kind in GRANT_FIELDS
    ]
    every: QuerySet[Any, Any] = kinds[0].union(*kinds[1:]).order_by("name")
    return every


def _model_of(kind: str) -> Any:
    return Team._meta.get_field(kind).related_model


def keys_of(user_ids: Sequence[int], scope: Scope) -> list[Key]:
    """Return the keys of these users, newest last. Four queries.

    Of a scope that is not everything: the keys that reach a project there, or are narrowed to a
    team there.
    """
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=Now())
    found = ApiKey.objects.unrevoked().filter(unexpired, user__in=user_ids).order_by("pk")
    # Those of widgets do nothing in their owners' names.
    found = found.exclude(scope=ApiKey.Scope.WIDGET)
    keys = list(found.defer("digest", "previous_digest"))
    named = {pk for key in keys for pk in key.project_ids or ()}
    names = dict(scope.projects().filter(pk__in=named).values_list("pk", "name"))
    team_ids = {key.team_id for key in keys if key.team_id is not None}
    team_names = dict(scope.teams().filter(pk__in=team_ids).values_list("pk", "name"))
    reach = reach_of_keys(keys, Area(team_ids=scope.team_ids))
    teams = scope.team_ids
    return [
        replace(
            _known(key, scope, names),
            reaches=reach.get(key.pk, 0),
            team_name=team_names.get(key.team_id or 0, ""),
        )
        for key in keys
        if teams is None or key.pk in reach or key.team_id in teams
    ]


def _known(key: ApiKey, scope: Scope, names: dict[int, str]) -> Key:
    """Return what the scope allows to know of `key`; `names` are those of its projects."""
    listed, teams = key.project_ids, scope.team_ids
    is_whole = teams is None or key.team_id in teams
    if listed is not None and teams is not None:
        is_whole = all(pk in names for pk in listed)
        listed = [pk for pk in listed if pk in names]
    return Key(
        key=key,
        is_whole=is_whole,
        project_ids=listed,
        project_names=[names[pk] for pk in listed or () if pk in names],
    )
