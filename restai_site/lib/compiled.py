"""Querysets that are compiled to SQL once.

Building and compiling a queryset costs milliseconds of processor time, each time; on the path to a
model that would be more than everything else together. The rule stays where it is, in the
queryset; only the translation to SQL is kept.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import QuerySet

# Stand-ins that no table holds and no queryset uses as a constant of its own.
_FIRST_NUMBER = 7_203_685_477_580_000_000
_TEXT = "\x02stand-in for {}\x03"
Row = tuple[Any, ...]


class CompiledQuery:
    """A `values_list` queryset with named values.

    `build` is called once, with a stand-in for each of `names`, and must put each of them into the
    SQL as a parameter. Whatever else it reads (the time, a setting) is frozen: use the database's
    functions instead. A queryset that can have no rows (`none()`) is not asked. `locking` is the
    clause of PostgreSQL that locks the row, for those that querysets do not know.
    """

    def __init__(
        self,
        build: Callable[..., QuerySet[Any, Any]],
        *,
        locking: str = "",
        **kinds: type[int] | type[str],
    ) -> None:
        self._build = build
        self._locking = locking
        self._stand_ins = {
            name: _FIRST_NUMBER + index if kind is int else _TEXT.format(name)
            for index, (name, kind) in enumerate(kinds.items())
        }

    def first(self, **values: int | str | None) -> Row | None:
        """Return the first row for `values`, or None. One query at most."""
        if self._compiled is None:
            return None
        sql, parameters, converters, compiler = self._compiled
        filled = [values[name] if name else constant for name, constant in parameters]
        with connection.cursor() as cursor:
            cursor.execute(sql, filled)
            row: Row | None = cursor.fetchone()
        if row is None or not converters:
            return row
        return tuple(next(iter(compiler.apply_converters([row], converters))))

    @cached_property
    def _compiled(self) -> tuple[str, list[tuple[str | None, Any]], Any, Any] | None:
        queryset = self._build(**self._stand_ins)[:1]
        compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS, connections[DEFAULT_DB_ALIAS])
        try:
            sql, given = compiler.as_sql()
        except EmptyResultSet:
            return None
        sql = f"{sql} {self._locking}".rstrip()
        names = {value: name for name, value in self._stand_ins.items()}
        parameters = [
            (names.get(value) if isinstance(value, int | str) else None, value) for value in given
        ]
        missing = set(self._stand_ins) - {name for name, _ in parameters}
        if missing:
            raise ValueError(f"The query does not use {', '.join(sorted(missing))}.")
        converters = compiler.get_converters([column for column, _, _ in compiler.select])
        return sql, parameters, converters, compiler
