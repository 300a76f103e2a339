"""Reading and writing the expectation file."""

from functools import cache
from itertools import groupby
from pathlib import Path

from restai_site.tests.access.routes import METHODS
from restai_site.tests.access.stage import ROLES

FILE = Path(__file__).with_name("expectations.txt")
NOT_THERE = "405"
# Outcomes of one route: by method, one for each role.
Statuses = dict[str, tuple[str, ...]]


def read(text: str) -> dict[str, Statuses]:
    """Return the statuses by route."""
    found: dict[str, Statuses] = {}
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        path, methods, *codes = words
        numbers = codes[1:] * len(ROLES) if codes[0] == "all" else codes
        if len(numbers) != len(ROLES):
            raise AssertionError(f"This line does not have {len(ROLES)} statuses: {line}")
        for method in methods.split(","):
            if method not in METHODS or method in found.get(path, {}):
                raise AssertionError(f"{method} is unknown or stands twice: {line}")
            found.setdefault(path, {})[method] = tuple(numbers)
    return found


@cache
def expected() -> dict[str, Statuses]:
    """Return what the file says."""
    return read(FILE.read_text())


def is_there(path: str, method: str) -> bool:
    """Return whether anybody gets more than a 405, which the matrix proves; a new route counts."""
    return set(expected().get(path, {}).get(method, ())) != {NOT_THERE}


def lines(path: str, statuses: Statuses) -> list[str]:
    """Return the lines of one route; methods with the same statuses share a line."""
    answers = sorted(set(statuses.values()), key=list(statuses.values()).index)
    shown = []
    for answer in answers:
        methods = ",".join(method for method in METHODS if statuses[method] == answer)
        shown.append(f"{path:<68} {methods:<44} {_codes(answer)}".rstrip())
    return shown


def _codes(answer: tuple[str, ...]) -> str:
    if len(set(answer)) == 1:
        return f"all {answer[0]}"
    return " ".join(f"{code:<4}" for code in answer)


def write(found: dict[str, Statuses]) -> None:
    """Replace the lines of the file and keep the comment at its top."""
    kept = FILE.read_text().splitlines() if FILE.exists() else []
    top = [line for line in kept if line.startswith("#")]
    blocks = []
    for _, paths in groupby(sorted(found), key=_area):
        block = [line for path in paths for line in lines(path, found[path])]
        blocks.append("\n".join(block))
    FILE.write_text("\n\n".join(["\n".join(top), *blocks]) + "\n")


def _area(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")[:3])
