"""Reading files of requirements, strictly: what is not understood is a problem, never skipped.

Only the standard library: this runs before anything is installed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from restai_site.lib.releases import normalised

NAME = r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:\[(?P<extras>[\w, -]+)\])?"
# The canonical form of a version (PEP 440, appendix B), without an epoch or a local part.
NUMBER = r"(?:0|[1-9][0-9]*)"
VERSION = re.compile(
    rf"{NUMBER}(\.{NUMBER})*((a|b|rc){NUMBER})?(\.post{NUMBER})?(\.dev{NUMBER})?", re.ASCII
)
PINNED = re.compile(rf"{NAME}==(?P<version>[^\s;,=]+)(?:\s*;\s*(?P<marker>.+))?", re.ASCII)
LIMIT = r"(?:===?|[<>!~]=|[<>])\s*[0-9][0-9a-z.*]*"
WANTED = re.compile(
    rf"{NAME}\s*(?P<limits>(?:{LIMIT}(?:\s*,\s*{LIMIT})*)?)(?:\s*;\s*(?P<marker>.+))?", re.ASCII
)
SHA256 = re.compile(r"sha256:(?P<digest>[0-9a-f]{64})")
COMMENT = re.compile(r"(?:^|\s+)#.*$")
OTHER_FILE = re.compile(r"(?:-c|--constraint) requirements[a-z-]*\.txt")


@dataclass
class Requirement:
    """One line of a file; `version` and `hashes` (SHA-256, hexadecimal) where it is pinned.

    `needed_by` are the names that the comments of the compiler give, `-r file` among them.
    """

    name: str
    line: int
    version: str = ""
    marker: str = ""
    hashes: tuple[str, ...] = ()
    needed_by: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Problem:
    """Something that must be put right, in `file` at `line`."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


@dataclass
class RequirementsFile:
    """What a file says, and what is wrong with it."""

    name: str
    requirements: list[Requirement] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def names(self) -> set[str]:
        """Return the normalised names."""
        return {requirement.name for requirement in self.requirements}

    def blame(self, line: int, sentence: str) -> None:
        """Add a problem."""
        self.problems.append(Problem(self.name, line, sentence))


def read_compiled(path: Path) -> RequirementsFile:
    """Read a file that `make requirements` wrote: every line a pin with hashes."""
    file = RequirementsFile(path.name)
    text = path.read_text(encoding="utf-8")
    for number, line in _logical_lines(text):
        head, *options = re.split(r"\s+--", line)
        match = PINNED.fullmatch(head)
        if reason := _foreign(line):
            file.blame(number, reason)
        elif match is None or not VERSION.fullmatch(match["version"]):
            file.blame(number, f"{head!r} is not pinned to one version with ==.")
        elif reason := _wrong_hashes(match["name"], options):
            file.blame(number, reason)
        else:
            hashes = tuple(option.removeprefix("hash=sha256:") for option in options)
            name, marker = normalised(match["name"]), match["marker"] or ""
            file.requirements.append(Requirement(name, number, match["version"], marker, hashes))
    _note_who_needs_what(file.requirements, text)
    return file


def read_wanted(path: Path) -> RequirementsFile:
    """Read a file that people write: names with limits, and other files as constraints."""
    file = RequirementsFile(path.name)
    for number, line in _logical_lines(path.read_text(encoding="utf-8")):
        if OTHER_FILE.fullmatch(line):
            continue
        match = WANTED.fullmatch(line)
        if reason := _foreign(line):
            file.blame(number, reason)
        elif match is None:
            file.blame(number, f"{line!r} is no name with limits.")
        else:
            exact = re.fullmatch(r"==\s*([^\s,=*]+)", match["limits"])
            version = exact[1] if exact else ""
            file.requirements.append(Requirement(normalised(match["name"]), number, version))
    return file


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line without comments, continued lines joined, with the number of its first."""
    joined, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        start = start or number
        is_comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not is_comment:
            joined += raw[:-1]
            continue
        line = COMMENT.sub("", joined + ("" if is_comment else raw)).strip()
        if line:
            yield start, line
        joined, start = "", 0
    if joined.strip():
        yield start, joined.strip()


def _foreign(line: str) -> str:
    """Return what is wrong with a line that takes a package from elsewhere than the index."""
    if line.startswith("-"):
        return (
            f"the option {line.split(maxsplit=1)[0].split('=', maxsplit=1)[0]} is not allowed here."
        )
    if "://" in line or re.search(r"\s@|^\.|^/", line):
        return "a package from an address or a folder is not allowed; name a release of the index."
    if "$" in line:
        return "variables are not allowed: what is installed must be readable here."
    return ""


def _wrong_hashes(name: str, options: list[str]) -> str:
    if not options:
        return f"{name} has no hash; run: make requirements"
    wrong = [option for option in options if not SHA256.fullmatch(option.removeprefix("hash="))]
    if wrong or not all(option.startswith("hash=") for option in options):
        return f"{name} has something else than sha256 hashes of 64 digits; run: make requirements"
    return ""


def _note_who_needs_what(requirements: list[Requirement], text: str) -> None:
    """Fill `needed_by` from the comments `# via NAME` below each requirement."""
    at_line = {requirement.line: requirement for requirement in requirements}
    current: Requirement | None = None
    for number, line in enumerate(text.splitlines(), 1):
        current = at_line.get(number, current)
        match = re.fullmatch(r"    #(?: via|  ) +(\S.*)", line)
        if match and current is not None:
            current.needed_by.append(match[1])
