"""Tables as CSV (RFC 4180), safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from django.http import StreamingHttpResponse

Cell = str | int | float | Decimal | datetime | None
# What makes a spreadsheet read a cell as a formula, in its wide forms too: at the beginning, behind
# blanks, and behind what splits a cell where the separator is a semicolon or a tab.
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA = re.compile(r"(?:\A|(?<=[;\t\r\n]))(?=[\s\x00-\x1f\x7f\ufeff\u200b]*[=+\-@＝＋－＠])")  # noqa: RUF001


def safe_cell(value: Cell) -> str:
    """Return `value` as the text of a cell that no spreadsheet runs.

    An apostrophe goes before what would begin a formula, which spreadsheets take for "this is
    text". Numbers stay numbers, also negative ones; moments are in ISO 8601, None is empty.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if not isinstance(value, str):
        return str(value)
    return FORMULA.sub("'", value.replace("\0", ""))


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Return `rows` as lines of CSV, each cell made safe."""
    text = io.StringIO()
    csv.writer(text).writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def csv_download(parts: AsyncIterator[str], *, filename: str) -> StreamingHttpResponse:
    """Return an answer that streams `parts`, whole lines of CSV, as a file to keep.

    The iterator is asynchronous: of any other the server would collect everything first.
    """
    response = StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8; header=present")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    return response
