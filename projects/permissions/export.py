"""`GET /permissions/matrix.csv`: one row for each user and project, streamed.

The users are taken in portions, by id, each in one hop to a database thread: no transaction and no
thread is held while the client reads, and however large the matrix, a portion is all that is in
memory. A portion is true of the moment at which it was read.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from accounts import credentials, watch
from accounts.models import User
from projects.permissions.effective import Pair, Reason, counts, pairs
from projects.permissions.scope import Filters, Scope, Selection, note
from restai_site.lib.actor import Actor
from restai_site.lib.csv import Cell, csv_download, csv_text
from restai_site.lib.db import in_database

# A portion has at most so many users, and so many rows unless a single user has more.
PORTION_USERS = 1_000
PORTION_ROWS = 20_000
HEAD = (
    *("user_id", "email", "name", "is_platform_admin", "is_restricted", "is_active"),
    *("team_id", "team", "project_id", "project", "access", "held", "reasons"),
)


@dataclass(frozen=True)
class Portion:
    """Lines of CSV, and the last user in them; None: nobody is left."""

    text: str
    last: int | None


@require_safe
async def matrix_csv(request: HttpRequest) -> HttpResponseBase:
    """Answer with the file. The filters are those of the matrix."""
    actor, filters = await in_database(_begin, request)
    return csv_download(_lines(actor, filters), filename="permissions.csv")


def _begin(request: HttpRequest) -> tuple[Actor, Filters]:
    """Find out who asks, and record it. Raises Unauthenticated, Forbidden, Invalid."""
    actor = credentials.require(request)
    selection = Selection(Scope.of(actor), Filters.of(request.GET.dict(), is_strict=True))
    note(actor, "permissions.export", selection)
    return actor, selection.filters


async def _lines(actor: Actor, filters: Filters) -> AsyncIterator[str]:
    """Give the lines for as long as the credential holds; the answer breaks off where it ends."""
    portions = _portions(actor, filters)
    async with aclosing(portions), aclosing(watch.pieces(actor, portions)) as pieces:
        async for text in pieces:
            yield text


async def _portions(actor: Actor, filters: Filters) -> AsyncGenerator[str, None]:
    yield csv_text([HEAD])
    last: int | None = 0
    while last is not None:
        portion = await in_database(read_portion, actor, filters, after=last)
        last = portion.last
        if portion.text:
            yield portion.text


def read_portion(actor: Actor, filters: Filters, *, after: int) -> Portion:
    """Return the rows of the next users after the id `after`. At most seven queries.

    Whether the actor still runs what is shown is asked each time. Raises Forbidden.
    """
    selection = Selection(Scope.still_of(actor), filters)
    users = _as_many_as_fit(
        list(selection.matching().filter(pk__gt=after).order_by("pk")[:PORTION_USERS]), selection
    )
    if not users:
        return Portion("", None)
    found = pairs([user.pk for user in users], selection.area)
    return Portion(csv_text(_rows(users, found, selection.scope)), users[-1].pk)


def _as_many_as_fit(users: list[User], selection: Selection) -> list[User]:
    """Return the first of `users`, one at least, who have PORTION_ROWS rows together."""
    levels = counts([user.pk for user in users], selection.area)
    sums = accumulate(sum(levels.get(user.pk, {}).values()) for user in users)
    fitting = sum(1 for rows in sums if rows <= PORTION_ROWS)
    return users[: max(1, fitting)]


def _rows(users: Sequence[User], found: Sequence[Pair], scope: Scope) -> list[list[Cell]]:
    by_id = {user.pk: _cells(user) for user in users}
    team_ids = {pair.team_id for pair in found}
    teams = dict(scope.teams().filter(pk__in=team_ids).values_list("pk", "name"))
    return [
        [
            *by_id[pair.user_id],
            *(pair.team_id, teams.get(pair.team_id, "")),
            *(pair.project_id, pair.project_name, pair.level.word, pair.held.word),
            _words(pair.reasons),
        ]
        for pair in found
    ]


@cache
def _words(reasons: tuple[Reason, ...]) -> str:
    return " ".join(reason.word for reason in reasons)


def _cells(user: User) -> list[Cell]:
    flags = (user.is_platform_admin, user.is_restricted, user.is_active)
    return [user.pk, user.email, user.name, *("yes" if flag else "no" for flag in flags)]
