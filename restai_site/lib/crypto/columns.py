"""The encrypted columns of all apps: what is in them, and under which key.

Everything here reads and writes tokens; no secret leaves this module.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models
from psycopg import sql

from restai_site.lib.crypto.fields import EncryptedField
from restai_site.lib.crypto.keyring import NEWEST, keyring

PAGE_ROWS = 1000
ALL_TOKENS = sql.SQL("SELECT {key}, {column} FROM {table} WHERE {column} <> ''")
BEHIND = sql.SQL("AND {key} > %s")
SIZE = sql.SQL("SELECT count(*) FROM {table} WHERE {column} <> ''")
FIRST_AND_LAST = sql.SQL(
    "(SELECT {column} FROM {table} WHERE {column} <> '' ORDER BY {key} LIMIT 1) UNION ALL "
    "(SELECT {column} FROM {table} WHERE {column} <> '' ORDER BY {key} DESC LIMIT 1)"
)
# The stored token is compared, so that a value which somebody has written meanwhile stays.
REPLACE = sql.SQL(
    "UPDATE {table} AS stored SET {column} = fresh.token "
    "FROM unnest(%s::{key_type}[], %s::text[], %s::text[]) AS fresh (key, former, token) "
    "WHERE stored.{key} = fresh.key AND stored.{column} = fresh.former"
)


@dataclass(frozen=True, slots=True)
class Row:
    """The primary key of a row, and the token in one of its columns."""

    key: Any
    token: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """What is to stand in a row instead of `former`; None for NULL."""

    key: Any
    former: str
    token: str | None


@dataclass(slots=True)
class Counts:
    """How many tokens of a column are under the newest key, an older one, and none."""

    newest: int = 0
    older: int = 0
    unreadable: int = 0

    def add(self, token: str) -> bool:
        """Count `token`; return whether some key opens it."""
        opened = keyring().open(token)
        if opened is None:
            self.unreadable += 1
        elif opened.key == NEWEST:
            self.newest += 1
        else:
            self.older += 1
        return opened is not None


@dataclass(frozen=True)
class Column:
    """An encrypted column of a table."""

    model: type[models.Model]
    field: EncryptedField

    @property
    def label(self) -> str:
        """Return the names of table and column."""
        return str(self.field.column_label)

    def size(self) -> int:
        """Return how many tokens there are. One query."""
        return int(_fetch(self._filled(SIZE))[0][0])

    def page(self, after: Any = None, *, size: int = PAGE_ROWS, lock: bool = False) -> list[Row]:
        """Return the next `size` rows behind the primary key `after`. One query.

        With `lock` nobody else writes these rows until the transaction ends.
        """
        # NO KEY lets others write rows that refer to these, which changes no secret.
        statement = sql.SQL("{rows} {behind} ORDER BY {key} LIMIT %s {lock}").format(
            rows=self._filled(ALL_TOKENS),
            behind=sql.SQL("") if after is None else self._filled(BEHIND),
            key=self._key,
            lock=sql.SQL("FOR NO KEY UPDATE" if lock else ""),
        )
        values = [size] if after is None else [after, size]
        return [Row(*row) for row in _fetch(statement, values)]

    def rows(self) -> Iterator[Row]:
        """Yield all rows, a page at a time."""
        page = self.page()
        while page:
            yield from page
            page = self.page(page[-1].key)

    def replace(self, replacements: Sequence[Replacement]) -> int:
        """Write the replacements and return how many rows still held what they replace."""
        columns: list[list[Any]] = [
            [one.key for one in replacements],
            [one.former for one in replacements],
            [one.token for one in replacements],
        ]
        with connection.cursor() as cursor:
            cursor.execute(self._filled(REPLACE), columns)
            return int(cursor.rowcount)

    def forget_dates(self, keys: Sequence[Any]) -> None:
        """Say of these rows that they have no secret, where a column tells since when."""
        name = f"{self.field.name}_set_at"
        if any(field.name == name for field in self.model._meta.concrete_fields):
            self.model._base_manager.filter(pk__in=keys).update(**{name: None})

    def count(self) -> Counts:
        """Read every token and return how many are under which key."""
        counts = Counts()
        for row in self.rows():
            counts.add(row.token)
        return counts

    def first_and_last(self) -> list[str]:
        """Return the tokens of the first and the last row, if there are any. One query."""
        return [token for (token,) in _fetch(self._filled(FIRST_AND_LAST))]

    @property
    def _key(self) -> sql.Identifier:
        return sql.Identifier(str(self.model._meta.pk.column))

    def _filled(self, statement: sql.SQL) -> sql.Composed:
        return statement.format(
            table=sql.Identifier(self.model._meta.db_table),
            column=sql.Identifier(self.field.column),
            key=self._key,
            key_type=sql.SQL(str(self.model._meta.pk.db_type(connection))),
        )


def encrypted_columns() -> list[Column]:
    """Return the encrypted columns of all models, in the order of their names."""
    columns = [
        Column(model, field)
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
        for field in model._meta.local_concrete_fields
        if isinstance(field, EncryptedField)
    ]
    return sorted(columns, key=lambda column: column.label)


def unreadable_columns() -> list[str]:
    """Return the columns whose first or last token no key opens. One quick query for each column.

    Raises DatabaseError.
    """
    return [
        column.label
        for column in encrypted_columns()
        if any(keyring().open(token) is None for token in column.first_and_last())
    ]


def columns_under_old_keys() -> dict[str, int]:
    """Return how many tokens of each column are under an older key, where there are any.

    Reads every token, unless there is only one key. Raises DatabaseError.
    """
    if len(keyring()) == 1:
        return {}
    older = {column.label: column.count().older for column in encrypted_columns()}
    return {label: count for label, count in older.items() if count}


def _fetch(statement: sql.Composable, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
