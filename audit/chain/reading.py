"""The chain as the tables hold it, seal by seal, and what lies in the tables beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from django.db import connection, transaction

from audit.chain import content
from audit.chain.verifying import StoredCut, StoredRow, StoredSeal
from audit.models import Cut

MOMENT = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
# As `content.row_of` gives them: moments and addresses as text.
COLUMNS = {
    "uid": "uid::text",
    "created_at": MOMENT.format("created_at"),
    "ip": "host(ip)",
    "changes": "changes::text",
}
ROW = ", ".join(
    ["id", "mac", "erased::text", *(COLUMNS.get(name, name) for name in content.FIELDS)]
)
SEALS = f"""
    SELECT number, {MOMENT.format("sealed_at")}, entry_ids, leaves, previous, hash, key_id,
           signature
    FROM audit_seal ORDER BY number
"""  # noqa: S608  names of columns
ROWS = f"SELECT {ROW} FROM audit_entry WHERE id = ANY(%s)"  # noqa: S608
IN_NO_SEAL = f"""
    SELECT {ROW} FROM audit_entry
    LEFT JOIN (SELECT unnest(entry_ids) AS entry_id FROM audit_seal) AS sealed ON entry_id = id
    WHERE entry_id IS NULL ORDER BY id
"""  # noqa: S608
TWICE = """
    SELECT min(id) FROM audit_entry GROUP BY uid HAVING count(*) > 1
    UNION ALL
    SELECT id FROM (SELECT unnest(entry_ids) AS id FROM audit_seal) AS sealed
    GROUP BY id HAVING count(*) > 1
    ORDER BY 1 LIMIT 100
"""
SEALS_AT_ONCE = 20
CHANGES = len(content.FIELDS) + 2


@contextmanager
def one_moment() -> Iterator[None]:
    """Have all that is read inside be of one moment, whatever is written meanwhile."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def stored_seals() -> Iterator[StoredSeal]:
    """Yield all seals with their rows. Use it within a transaction."""
    with connection.chunked_cursor() as cursor:
        cursor.itersize = SEALS_AT_ONCE  # type: ignore[attr-defined]  # psycopg's own
        cursor.execute(SEALS)
        for number, at, ids, leaves, previous, digest, key, signature in cursor:
            yield StoredSeal(
                number, at, ids, bytes(leaves), previous, digest, key, signature, _rows(ids)
            )


def stored_cuts() -> Iterator[StoredCut]:
    """Yield all cuts."""
    for cut in Cut.objects.order_by("number"):
        yield StoredCut(content.cut_of(cut), cut.signature)


def rows_in_no_seal() -> Iterator[StoredRow]:
    """Yield the rows that no seal holds, in order."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(IN_NO_SEAL)
        yield from map(_row, cursor)


def entries_twice() -> list[int]:
    """Return the numbers of entries that are there, or sealed, a second time."""
    with connection.cursor() as cursor:
        cursor.execute(TWICE)
        return [row[0] for row in cursor.fetchall()]


def waiting_ids() -> set[int]:
    """Return the numbers in the queue of the sealer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT entry_id FROM audit_unsealed")
        return {row[0] for row in cursor.fetchall()}


def _rows(ids: list[int]) -> dict[int, StoredRow]:
    with connection.cursor() as cursor:
        cursor.execute(ROWS, [ids])
        return {row[0]: _row(row) for row in cursor.fetchall()}


def _row(values: tuple[Any, ...]) -> StoredRow:
    said = dict(zip(content.FIELDS, values[3:], strict=True))
    said["changes"] = orjson.loads(values[CHANGES])
    erased = None if values[2] is None else orjson.loads(values[2])
    return StoredRow(values[0], values[1], content.row_content(said), erased)
