"""Labelled texts in files: CSV with the columns text, label and category, or JSON lines.

Read strictly and line by line. What is wrong is told with its line, and nothing is taken of a file
in which anything is wrong.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, BinaryIO

import orjson

from guards.models.bench import (
    CASES_MAX,
    CATEGORY_MAX_LENGTH,
    TEXT_MAX_LENGTH,
    UPLOAD_MAX_BYTES,
    Expected,
)
from restai_site.lib.errors import Invalid, TooLarge

CSV, JSONL = "csv", "jsonl"
ENDINGS = {".csv": CSV, ".jsonl": JSONL, ".ndjson": JSONL}
# Room for the longest text with every character written as two escapes.
LINE_MAX_BYTES = 128 * 1024
COLUMNS = ("text", "label", "category")
LABELS = {
    **dict.fromkeys(("safe", "0", "false"), Expected.SAFE),
    **dict.fromkeys(("unsafe", "1", "true"), Expected.UNSAFE),
}
TOO_LARGE = f"The file has more than {UPLOAD_MAX_BYTES // 1_000_000} MB."
HOW = "safe, unsafe, 0, 1, true or false"


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled text."""

    text: str
    expected: str
    category: str = ""


class _Wrong(ValueError):
    """What is wrong with one line, in words."""


def form_of(name: str) -> str:
    """Return the form of a file by the ending of its name. Raises Invalid."""
    try:
        return ENDINGS[PurePath(name).suffix.lower()]
    except KeyError:
        raise _invalid("The name of the file ends in .csv or .jsonl.") from None


def cases_in(file: BinaryIO, form: str) -> list[Case]:
    """Return the cases of a file in the form CSV or JSONL, UTF-8 with or without a byte order mark.

    Raises Invalid, which names the line, and TooLarge for more than UPLOAD_MAX_BYTES.
    """
    read = _from_csv if form == CSV else _from_jsonl
    cases: list[Case] = []
    for line, fields in read(_lines(file)):
        if len(cases) == CASES_MAX:
            raise _invalid(f"Line {line}: a set has at most {CASES_MAX:,} texts.")
        try:
            cases.append(_case(fields))
        except _Wrong as error:
            raise _invalid(f"Line {line}: {error}") from None
    if not cases:
        raise _invalid("There is no text in the file.")
    return cases


def _lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield each line with its number; none is held in memory but the one at hand."""
    read_bytes = number = 0
    while raw := file.readline(LINE_MAX_BYTES + 1):
        number += 1
        read_bytes += len(raw)
        if read_bytes > UPLOAD_MAX_BYTES:
            raise TooLarge(TOO_LARGE, fields={"file": [TOO_LARGE]})
        if len(raw) > LINE_MAX_BYTES:
            raise _invalid(f"Line {number} is longer than {LINE_MAX_BYTES // 1024} KB.")
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise _invalid(f"Line {number} is not UTF-8.") from None
        if "\0" in text:
            raise _invalid(f"Line {number} holds the NUL character.")
        yield number, text


def _from_jsonl(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise _invalid(f"Line {number} is not JSON.") from None
        if not isinstance(value, dict):
            raise _invalid(f"Line {number} is no JSON object.")
        yield number, value


def _from_csv(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.reader((text for _, text in lines), strict=True)
    columns: list[str] = []
    # Where the record at hand begins: one in quotes may go over several lines.
    line = 1
    try:
        for cells in reader:
            if any(cells) and not columns:
                columns = _columns(cells, line)
            elif any(cells):
                if len(cells) != len(columns):
                    raise _invalid(
                        f"Line {line} has {len(cells)} cells, the head of the table has "
                        f"{len(columns)}."
                    )
                yield line, dict(zip(columns, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise _invalid(f"Line {line} is not CSV: {error}.") from None


def _columns(cells: list[str], line: int) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    is_right = {"text", "label"} <= set(names) <= set(COLUMNS) and len(set(names)) == len(names)
    if not is_right:
        raise _invalid(f"Line {line} names the columns: text, label and, if you like, category.")
    return names


def _case(fields: Mapping[str, Any]) -> Case:
    unknown = sorted(set(fields) - set(COLUMNS))
    if unknown:
        raise _Wrong(f"there is no field {unknown[0][:50]!r}; name text, label and category.")
    return Case(
        _text(fields.get("text")), _expected(fields.get("label")), _category(fields.get("category"))
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Wrong("the text is missing.")
    if "\0" in value:
        raise _Wrong("the text holds the NUL character.")
    if len(value) > TEXT_MAX_LENGTH:
        raise _Wrong(f"the text has more than {TEXT_MAX_LENGTH:,} characters.")
    return value


def _expected(value: object) -> str:
    # True and False, and the numbers 1 and 0, but no other number.
    is_word = isinstance(value, str | bool) or value in (0, 1)
    found = LABELS.get(str(value).strip().lower()) if is_word else None
    if found is None or isinstance(value, float):
        raise _Wrong(f"the label is {HOW}.")
    return found.value


def _category(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Wrong("the category is a text.")
    category = value.strip()
    if len(category) > CATEGORY_MAX_LENGTH or not category.isprintable():
        raise _Wrong(f"the category is one line of at most {CATEGORY_MAX_LENGTH} characters.")
    return category


def _invalid(message: str) -> Invalid:
    return Invalid(message, fields={"file": [message]})
