"""Long answers end with the credential that asked for them, and with what let it ask.

Each event loop has one watcher while answers are being given: twice a second it asks, in one query
for all of them, which of their users, keys and sessions still hold, and interrupts the others. An
answer that is over within half a second is never asked about. Where an answer belongs to a place,
such as a project, one query more for each kind of place says who still reaches theirs. The apps
above say so, each for its own kind, in a module `watched.py`:

    @place(PROJECT)
    def still_reached(pairs: Pairs) -> Pairs:
        return ...
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.models import Case, CharField, DateTimeField, F, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Now
from django.utils import timezone

from accounts.models import ApiKey, Session, User
from restai_site.lib.actor import Actor
from restai_site.lib.db import in_database
from restai_site.lib.errors import Forbidden, Unauthenticated

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.5
# For how long an answer goes on while the database cannot be asked.
UNKNOWN_SECONDS = 15.0
T = TypeVar("T")
# What a credential is known by: the kind of row, and its id as text.
Name = tuple[str, str]
PROJECT, TEAM = "project", "team"
# Users and the rows that their answers belong to, by id.
Pairs = set[tuple[int, int]]
StillReached = Callable[[Pairs], Pairs]
_places: dict[str, StillReached] = {}


class Place(NamedTuple):
    """What an answer belongs to: a row of one of the apps above."""

    kind: str
    id: int


def place(kind: str) -> Callable[[StillReached], StillReached]:
    """Declare the function that finds who of given pairs still reaches their row of `kind`.

    Raises ImproperlyConfigured where there is one already.
    """

    def declare(find: StillReached) -> StillReached:
        if kind in _places:
            raise ImproperlyConfigured(f"Two say who reaches a {kind}.")
        _places[kind] = find
        return find

    return declare


class CredentialEnded(Unauthenticated):
    """The session or key by which an answer was asked for does not hold any more."""

    code = "credential_ended"

    def __init__(self) -> None:
        super().__init__("Your session or API key has ended, and this answer with it.")


class AccessEnded(Forbidden):
    """Whoever asked for an answer does not reach any more what they asked."""

    code = "access_ended"

    def __init__(self) -> None:
        super().__init__("You cannot use this any more, so this answer has ended.")


Ended = type[CredentialEnded] | type[AccessEnded]


class _Answer:
    """An answer that is being given, and the task that waits for its next piece."""

    def __init__(self, actor: Actor, place: Place | None) -> None:
        self.name = _name_of(actor)
        self.user_id = actor.own_id
        self.place = place
        self.began = timezone.now()
        self._ended: Ended | None = None
        self._task: asyncio.Task[object] | None = None

    def end(self, why: Ended) -> None:
        """Interrupt whatever is waited for; while nothing is, the next piece is not given."""
        if self._ended is None:
            self._ended = why
            if self._task is not None:
                self._task.cancel()

    async def wait_for(self, piece: Awaitable[T]) -> T:
        """Return the next piece. Raises CredentialEnded, AccessEnded.

        Our own cancellation of the task is told from anybody else's, which goes on, as
        `asyncio.timeout` does it.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._task, before = task, task.cancelling()
        try:
            found = await piece
        except asyncio.CancelledError:
            if self._ended is not None and task.uncancel() <= before:
                raise self._ended() from None
            raise
        finally:
            self._task = None
        return found

    def check(self) -> None:
        """Raise where the answer has ended while nothing was waited for."""
        if self._ended is not None:
            raise self._ended()


class _Watcher:
    """The answers of one event loop, and the task that looks after them."""

    def __init__(self) -> None:
        self.answers: set[_Answer] = set()
        self._task: asyncio.Task[None] | None = None

    def add(self, answer: _Answer) -> None:
        self.answers.add(answer)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="watch")

    async def _look(self) -> None:
        asked_at = time.monotonic()
        while self.answers:
            await asyncio.sleep(LOOK_SECONDS)
            answers = list(self.answers)
            if not answers:
                return
            try:
                holding = await in_database(_holding, {answer.name for answer in answers})
                reached = await in_database(_reached, answers)
            except Error:
                logger.exception("Whether credentials still hold could not be asked.")
                if time.monotonic() - asked_at < UNKNOWN_SECONDS:
                    continue
                holding, reached = {}, set()
            else:
                asked_at = time.monotonic()
            for answer in answers:
                if not _holds(answer, holding):
                    answer.end(CredentialEnded)
                elif answer.place is not None and (answer.user_id, answer.place) not in reached:
                    answer.end(AccessEnded)


_watchers: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watcher] = WeakKeyDictionary()


async def pieces(
    actor: Actor, source: AsyncGenerator[T, None], place: Place | None = None
) -> AsyncGenerator[T, None]:
    """Pass on `source` for as long as the actor's credential holds and reaches `place`.

    Then raises CredentialEnded or AccessEnded. Whoever gives `source` closes it.
    """
    answer = _Answer(actor, place)
    watcher = _watch(answer)
    try:
        while True:
            yield await answer.wait_for(anext(source))
            answer.check()
    except StopAsyncIteration:
        return
    finally:
        watcher.answers.discard(answer)


async def whole(actor: Actor, result: Awaitable[T], place: Place | None = None) -> T:
    """Return `result`. Raises as `pieces` does where that comes first."""
    answer = _Answer(actor, place)
    watcher = _watch(answer)
    try:
        return await answer.wait_for(result)
    finally:
        watcher.answers.discard(answer)


def _watch(answer: _Answer) -> _Watcher:
    watcher = _watchers.setdefault(asyncio.get_running_loop(), _Watcher())
    watcher.add(answer)
    return watcher


def _name_of(actor: Actor) -> Name:
    if actor.api_key_id is not None:
        return "key", str(actor.api_key_id)
    if actor.session_id is not None:
        return "session", str(actor.session_id)
    return "user", str(actor.own_id)


def _holds(answer: _Answer, holding: dict[Name, datetime | None]) -> bool:
    """Tell whether the credential holds, by the secret that it had when the answer began."""
    if answer.name not in holding:
        return False
    since = holding[answer.name]
    return since is None or answer.began >= since


def _holding(names: Iterable[Name]) -> dict[Name, datetime | None]:
    """Return which credentials still hold, and since when, where older secrets do not. One query.

    A key that was rotated takes no longer what came with the secret before it, once that is void.
    """
    ids: dict[str, list[str]] = {"user": [], "key": [], "session": []}
    for kind, pk in names:
        ids[kind].append(pk)
    replaced = Case(
        When(previous_until__gt=Now(), then=Value(None)),
        default=F("rotated_at"),
        output_field=DateTimeField(),
    )
    never = Value(None, output_field=DateTimeField())
    users = User.objects.filter(pk__in=ids["user"], is_active=True)
    keys = ApiKey.objects.usable().filter(pk__in=ids["key"])
    unlimited = Q(impersonation_ends_at=None) | Q(impersonation_ends_at__gt=Now())
    sessions = Session.objects.filter(
        unlimited, pk__in=ids["session"], user__is_active=True, expires_at__gt=Now()
    )
    rows = _named(users, "user", never).union(
        _named(keys, "key", replaced), _named(sessions, "session", never), all=True
    )
    return {(kind, pk): since for kind, pk, since in rows}


def _reached(answers: Iterable[_Answer]) -> set[tuple[int, Place]]:
    """Return whose answers still reach their place. One query for each kind of place."""
    pairs: dict[str, Pairs] = {}
    for answer in answers:
        if answer.place is not None:
            pairs.setdefault(answer.place.kind, set()).add((answer.user_id, answer.place.id))
    return {
        (user_id, Place(kind, pk))
        for kind, asked in pairs.items()
        for user_id, pk in _places[kind](asked)
    }


def _named(rows: QuerySet[Any], kind: str, since: Value | Case) -> QuerySet[Any, Any]:
    named = rows.order_by().annotate(
        watched_kind=Value(kind), watched_id=Cast("pk", CharField()), watched_since=since
    )
    found: QuerySet[Any, Any] = named.values_list("watched_kind", "watched_id", "watched_since")
    return found
