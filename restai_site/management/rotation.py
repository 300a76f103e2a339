"""Bringing the stored secrets under the newest key, a batch at a time.

A batch is one transaction: its rows are locked, re-encrypted, and spoken of in the audit trail. A
row that is under the newest key already is left alone, so a rotation that was stopped goes on where
it was when it is started again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from audit.services import record
from restai_site.lib.actor import Actor
from restai_site.lib.crypto.columns import Column, Replacement, Row
from restai_site.lib.crypto.keyring import NEWEST, keyring


@dataclass(frozen=True, slots=True)
class Batch:
    """What was done to some consecutive rows of a column."""

    last_key: Any
    size: int
    rotated: int = 0
    discarded: int = 0
    unreadable: list[Any] = field(default_factory=list)


def rotate(
    column: Column,
    *,
    batch_size: int,
    actor: Actor,
    discard_unreadable: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Batch]:
    """Re-encrypt the secrets of `column` under the newest key; yield each batch when it is kept.

    What no key opens is passed over and named in the batch or, with `discard_unreadable`, removed.
    Ends early after a batch when `should_stop` says so.
    """
    after = None
    while not should_stop():
        batch = rotate_batch(
            column,
            after=after,
            size=batch_size,
            actor=actor,
            discard_unreadable=discard_unreadable,
        )
        if batch is None:
            return
        yield batch
        after = batch.last_key


@transaction.atomic
def rotate_batch(
    column: Column, *, after: Any, size: int, actor: Actor, discard_unreadable: bool = False
) -> Batch | None:
    """Re-encrypt the next `size` secrets behind the primary key `after`; None behind the last."""
    rows = column.page(after, size=size, lock=True)
    if not rows:
        return None
    renewed, unreadable = _sorted(rows)
    rotated = column.replace(renewed) if renewed else 0
    if rotated:
        _record(column, "rotate", rotated, actor)
    discarded = 0
    if unreadable and discard_unreadable:
        discarded = _discard(column, unreadable, actor)
        unreadable = []
    return Batch(
        rows[-1].key, len(rows), rotated, discarded, unreadable=[row.key for row in unreadable]
    )


def _sorted(rows: list[Row]) -> tuple[list[Replacement], list[Row]]:
    """Return the rows to be renewed, and those that no key opens."""
    renewed, unreadable = [], []
    for row in rows:
        opened = keyring().open(row.token)
        if opened is None:
            unreadable.append(row)
        elif opened.key != NEWEST:
            renewed.append(Replacement(row.key, row.token, keyring().seal(opened.text)))
    return renewed, unreadable


def _discard(column: Column, rows: list[Row], actor: Actor) -> int:
    """Put nothing where these secrets are."""
    nothing = column.field.nothing()
    discarded = column.replace([Replacement(row.key, row.token, nothing) for row in rows])
    column.forget_dates([row.key for row in rows])
    _record(column, "discard", discarded, actor)
    return discarded


def _record(column: Column, verb: str, count: int, actor: Actor) -> None:
    changes = {"column": column.label, "secrets": count}
    record(actor, f"encryption.{verb}", column.model, changes=changes)
