"""Two texts side by side."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

# Beyond this, lines are not matched up one by one: the cost grows with the square of their number.
COMPARED_LINES_MAX = 2_000
COMPARED_LINE_LENGTH = 1_000
# Lines less alike than this are a removal and an addition, not a change.
ALIKE = 0.4
WORDS = re.compile(r"\w+|\s+|[^\w\s]")
Pieces = list[tuple[str, bool]]


@dataclass(frozen=True)
class Side:
    """One line of one text; `pieces` are its parts and whether each differs."""

    number: int
    pieces: Pieces


@dataclass(frozen=True)
class Row:
    """One line of the comparison. `kind` is same, changed, removed or added."""

    kind: str
    left: Side | None
    right: Side | None


def side_by_side(before: str, after: str) -> list[Row]:
    """Return the rows that show how `before` became `after`."""
    left, right = before.splitlines(), after.splitlines()
    return list(_rows(left, right))


def _rows(left: list[str], right: list[str]) -> Iterator[Row]:
    for tag, i1, i2, j1, j2 in _blocks(left, right):
        pairs = zip_longest(range(i1, i2), range(j1, j2))
        for i, j in pairs:
            if tag == "equal":
                yield Row("same", _plain(left, i), _plain(right, j))
            else:
                yield from _differing(left, right, i, j)


def _blocks(left: list[str], right: list[str]) -> list[tuple[str, int, int, int, int]]:
    if max(len(left), len(right)) > COMPARED_LINES_MAX:
        return [("replace", 0, len(left), 0, len(right))]
    return list(SequenceMatcher(None, left, right).get_opcodes())


def _differing(left: list[str], right: list[str], i: int | None, j: int | None) -> Iterator[Row]:
    if i is None:
        yield Row("added", None, _whole(right, j))
    elif j is None:
        yield Row("removed", _whole(left, i), None)
    else:
        yield _changed(left, right, i, j)


def _changed(left: list[str], right: list[str], i: int, j: int) -> Row:
    old, new = left[i], right[j]
    if max(len(old), len(new)) > COMPARED_LINE_LENGTH:
        return Row("changed", _whole(left, i), _whole(right, j))
    old_words, new_words = WORDS.findall(old), WORDS.findall(new)
    matcher = SequenceMatcher(None, old_words, new_words, autojunk=False)
    if matcher.ratio() < ALIKE:
        return Row("changed", _whole(left, i), _whole(right, j))
    before: Pieces = []
    after: Pieces = []
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if a2 > a1:
            before.append(("".join(old_words[a1:a2]), tag != "equal"))
        if b2 > b1:
            after.append(("".join(new_words[b1:b2]), tag != "equal"))
    return Row("changed", Side(i + 1, before), Side(j + 1, after))


def _plain(lines: list[str], index: int | None) -> Side | None:
    return None if index is None else Side(index + 1, [(lines[index], False)])


def _whole(lines: list[str], index: int | None) -> Side | None:
    return None if index is None else Side(index + 1, [(lines[index], True)])
