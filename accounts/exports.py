"""Lists as files, streamed: rows in portions, each in one hop to a database thread.

No transaction and no thread is held while the client reads, and the answer breaks off where the
credential that asked for it ends.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from django.http import StreamingHttpResponse

from accounts import watch
from restai_site.lib.actor import Actor
from restai_site.lib.csv import csv_download, csv_text
from restai_site.lib.db import in_database

PORTION_ROWS = 2_000
Row = dict[str, Any]
# Takes the number of the last row that was read, or None; returns PORTION_ROWS at most.
Read = Callable[[int | None], Sequence[Row]]


def as_csv(actor: Actor, read: Read, fields: Sequence[str], filename: str) -> StreamingHttpResponse:
    """Answer with rows as CSV; objects in them are written as JSON."""
    lines = _lines(actor, read, lambda rows: _csv(rows, fields), csv_text([fields]))
    return csv_download(lines, filename=filename)


def as_json_lines(actor: Actor, read: Read, filename: str) -> StreamingHttpResponse:
    """Answer with rows as lines of JSON."""
    response = StreamingHttpResponse(
        _lines(actor, read, _json), content_type="application/jsonl; charset=utf-8"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    return response


async def _lines(
    actor: Actor, read: Read, write: Callable[[Sequence[Row]], str], head: str = ""
) -> AsyncIterator[str]:
    portions = _portions(read, write, head)
    async with aclosing(portions), aclosing(watch.pieces(actor, portions)) as pieces:
        async for text in pieces:
            yield text


async def _portions(
    read: Read, write: Callable[[Sequence[Row]], str], head: str
) -> AsyncGenerator[str, None]:
    if head:
        yield head
    last: int | None = None
    while True:
        rows = await in_database(read, last)
        if rows:
            yield write(rows)
        if len(rows) < PORTION_ROWS:
            return
        last = rows[-1]["id"]


def _csv(rows: Sequence[Row], fields: Sequence[str]) -> str:
    return csv_text([_cell(row[name]) for name in fields] for row in rows)


def _cell(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _json(rows: Sequence[Row]) -> str:
    options = orjson.OPT_APPEND_NEWLINE
    return "".join(orjson.dumps(row, default=str, option=options).decode() for row in rows)
