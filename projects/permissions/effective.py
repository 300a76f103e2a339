"""Effective access: for every user and every project the level, and the reasons for it.

This is a second description, over whole tables at once, of what `projects.querysets` says for one
actor at a time. `projects/tests/permissions/test_effective.py` proves for every user and project of
many worlds that both say the same: whoever changes a gate changes this as well, or it fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models.expressions import RawSQL

from accounts.models import ApiKey, User
from restai_site.lib.actor import CHAT


class Level(IntEnum):
    """What somebody may do to a project; each level holds those below it.

    READ is known to API keys alone: people who see a project may also use it.
    """

    NONE = 0
    READ = 1
    USE = 2
    EDIT = 3
    MANAGE = 4

    @property
    def word(self) -> str:
        return self.name.lower()


class Reason(IntFlag):
    """Why somebody reaches a project; the greater, the stronger."""

    PUBLIC_IN_TEAM = 1
    ASSIGNED_VIEWER = 2
    ASSIGNED_EDITOR = 4
    TEAM_ADMIN = 8
    PLATFORM_ADMIN = 16

    @property
    def word(self) -> str:
        return (self.name or "").lower()


# The levels that people have, and by which the matrix is filtered.
LEVELS = {level.word: level for level in (Level.MANAGE, Level.EDIT, Level.USE, Level.NONE)}
REASON_WORDS = {
    Reason.PLATFORM_ADMIN: "Platform administrator",
    Reason.TEAM_ADMIN: "Admin of the team",
    Reason.ASSIGNED_EDITOR: "Added as editor",
    Reason.ASSIGNED_VIEWER: "Added as viewer",
    Reason.PUBLIC_IN_TEAM: "Open to the team",
}

# One row for each user and project that any reason joins. The numbers are those of Level and
# Reason. `held` is what the roles give; `level` is what is left of it to suspended and restricted
# users. PostgreSQL carries conditions on the users, projects and teams down into each branch.
EFFECTIVE = """
SELECT joined.user_id, joined.project_id, joined.team_id, joined.reasons, joined.held,
       CASE WHEN NOT person.is_active THEN 0
            WHEN person.is_restricted THEN LEAST(joined.held, 2)
            ELSE joined.held END AS level
  FROM (
    SELECT user_id, project_id, team_id, bit_or(reason) AS reasons,
           CASE WHEN bit_or(reason) >= 8 THEN 4 WHEN bit_or(reason) >= 4 THEN 3 ELSE 2 END AS held
      FROM (
        SELECT person.id AS user_id, project.id AS project_id, project.team_id, 16 AS reason
          FROM accounts_user person CROSS JOIN projects_project project
         WHERE person.is_platform_admin
        UNION ALL
        SELECT membership.user_id, project.id, project.team_id, 8
          FROM teams_membership membership
          JOIN projects_project project ON project.team_id = membership.team_id
         WHERE membership.role = 'admin'
        UNION ALL
        SELECT assigned.user_id, project.id, project.team_id,
               CASE assigned.role WHEN 'editor' THEN 4 ELSE 2 END
          FROM projects_projectmember assigned
          JOIN projects_project project ON project.id = assigned.project_id
        UNION ALL
        SELECT membership.user_id, project.id, project.team_id, 1
          FROM teams_membership membership
          JOIN projects_project project ON project.team_id = membership.team_id
         WHERE project.visibility = 'team'
      ) reason
     GROUP BY user_id, project_id, team_id
  ) joined
  JOIN accounts_user person ON person.id = joined.user_id
"""
PAIRS = f"""
SELECT pair.user_id, pair.project_id, project.name, pair.team_id,
       pair.reasons, pair.held, pair.level
  FROM ({EFFECTIVE}) pair JOIN projects_project project ON project.id = pair.project_id
 WHERE """  # noqa: S608 - put together from constants
ORDER = " ORDER BY pair.user_id, project.name, project.id"
COUNTS = f"SELECT pair.user_id, pair.level, count(*) FROM ({EFFECTIVE}) pair WHERE "  # noqa: S608
STILL = f"""
SELECT pair.user_id, pair.project_id FROM ({EFFECTIVE}) pair
 WHERE pair.user_id = ANY (%s) AND pair.project_id = ANY (%s) AND pair.level >= %s"""  # noqa: S608
USERS = f"SELECT pair.user_id FROM ({EFFECTIVE}) pair WHERE "  # noqa: S608
KEYS = f"""
SELECT key.id, count(*) FILTER (WHERE pair.level > 0)
  FROM accounts_apikey key JOIN ({EFFECTIVE}) pair ON pair.user_id = key.user_id
   AND (key.project_ids IS NULL OR pair.project_id = ANY (key.project_ids))
   AND (key.team_id IS NULL OR pair.team_id = key.team_id)
 WHERE key.id = ANY (%s) AND """  # noqa: S608


@dataclass(frozen=True)
class Area:
    """Which pairs of user and project are meant; None: all of them."""

    team_ids: Sequence[int] | None = None
    project_id: int | None = None
    level: Level | None = None

    def condition(self, user_ids: Sequence[int] | None = None) -> tuple[str, list[Any]]:
        """Return the condition on `pair`, and its values."""
        wanted: list[tuple[str, Any]] = [
            ("pair.user_id = ANY (%s)", None if user_ids is None else list(user_ids)),
            ("pair.team_id = ANY (%s)", None if self.team_ids is None else list(self.team_ids)),
            ("pair.project_id = %s", self.project_id),
            ("pair.level = %s", self.level),
        ]
        given = [(text, value) for text, value in wanted if value is not None]
        return " AND ".join([text for text, _ in given] or ["TRUE"]), [value for _, value in given]


class Pair(NamedTuple):
    """A user and a project that they have a reason to reach."""

    user_id: int
    project_id: int
    project_name: str
    team_id: int
    reasons: tuple[Reason, ...]
    held: Level
    level: Level

    @property
    def reason_words(self) -> str:
        return ", ".join(REASON_WORDS[reason] for reason in self.reasons)


def pairs(user_ids: Sequence[int], area: Area) -> list[Pair]:
    """Return the pairs of these users within `area`, by user and name of the project. One query."""
    condition, values = area.condition(user_ids)
    return [
        Pair(user_id, project_id, name, team_id, reasons_in(bits), Level(held), Level(level))
        for user_id, project_id, name, team_id, bits, held, level in rows(
            PAIRS + condition + ORDER, values
        )
    ]


def counts(user_ids: Sequence[int], area: Area) -> dict[int, dict[Level, int]]:
    """Return for each user how many projects within `area` they reach at each level. One query."""
    condition, values = area.condition(user_ids)
    found: dict[int, dict[Level, int]] = {}
    for user_id, level, count in rows(f"{COUNTS}{condition} GROUP BY 1, 2", values):
        found.setdefault(user_id, {})[Level(level)] = count
    return found


def still_at_least(asked: set[tuple[int, int]], level: Level) -> set[tuple[int, int]]:
    """Return which of `asked`, pairs of user and project, are at `level` or above. One query."""
    values = [[user for user, _ in asked], [project for _, project in asked], level]
    return asked & {(user, project) for user, project in rows(STILL, values)}


def users_in(area: Area, *, at_least: Level = Level.NONE) -> RawSQL:
    """Return the subquery of the ids of all users with a pair within `area`."""
    condition, values = area.condition()
    # Constants; whatever comes from outside is a value.
    sql = f"{USERS}{condition} AND pair.level >= %s"
    return RawSQL(sql, (*values, at_least))  # noqa: S611  # nosec B611


def reach_of_keys(keys: Sequence[ApiKey], area: Area) -> dict[int, int]:
    """Return how many projects within `area` each of `keys` reaches. One query.

    A key is missing where its owner's roles give it none; a suspended owner's reach 0. Whether a
    key still holds is not asked.
    """
    condition, values = area.condition(list({key.user_id for key in keys}))
    sql = f"{KEYS}{condition} GROUP BY key.id"
    return dict(rows(sql, [[key.pk for key in keys], *values]))


def through_key(pair: Pair, key: ApiKey, owner: User) -> Level:
    """Return what `key` may do to the project of a pair of its owner.

    A key that may only read does not chat; one for chats does no more than that; the narrowed key
    of a platform administrator is an editor's.
    """
    outside_projects = key.project_ids is not None and pair.project_id not in key.project_ids
    if outside_projects or key.team_id not in {None, pair.team_id}:
        return Level.NONE
    level = pair.level
    if key.scope != ApiKey.Scope.FULL:
        level = min(level, {CHAT: Level.USE}.get(key.scope, Level.READ))
    if owner.is_platform_admin and (key.project_ids is not None or key.team_id is not None):
        level = min(level, Level.EDIT)
    return level


@cache
def reasons_in(bits: int) -> tuple[Reason, ...]:
    """Return the reasons in `bits`, strongest first."""
    return tuple(reason for reason in REASON_WORDS if bits & reason)


def rows(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
