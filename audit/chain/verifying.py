"""Verifying: whether the trail is the one that was written, and where it is not.

Seals come in order, each with its rows; memory stays flat. The same is done for the tables and for
an export, which `verify` cannot tell apart.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit.chain import content
from audit.chain.checkpoints import Checkpoint
from audit.chain.keys import AuditKey, is_signed
from audit.chain.sealing import is_authentic

LEAF_BYTES = 32
CUT = "was told outside the database and is gone: the end was cut"
# More than these are counted, not listed.
LISTED = 100


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as it lies there: its number, its code, and what it says."""

    id: int
    mac: str
    content: bytes


@dataclass(frozen=True, slots=True)
class StoredSeal:
    """A seal as it lies there. `rows` are those of its rows that are there."""

    number: int
    sealed_at: str
    entry_ids: Sequence[int]
    leaves: bytes
    previous: str
    hash: str
    key_id: str
    signature: str
    rows: Mapping[int, StoredRow]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `entry` and `seal` are numbers, where it is about one."""

    what: str
    entry: int | None = None
    seal: int | None = None


@dataclass(slots=True)
class Report:
    """What was looked at, and what was found."""

    entries: int = 0
    seals: int = 0
    waiting: int = 0
    last_hash: str = content.GENESIS
    problems: list[Problem] = field(default_factory=list)
    more: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def first_bad_entry(self) -> int | None:
        """The lowest number of an entry that is wrong, where one could be named."""
        return min((one.entry for one in self.problems if one.entry is not None), default=None)

    def add(self, problem: Problem) -> None:
        """Take in a problem."""
        if len(self.problems) < LISTED:
            self.problems.append(problem)
        else:
            self.more += 1


@dataclass(frozen=True, slots=True)
class Trust:
    """What the verifier believes: public keys by id; with `keys` the codes of rows are checked."""

    public_keys: Mapping[str, bytes]
    keys: Sequence[AuditKey] = ()

    @classmethod
    def in_keys(cls, keys: Sequence[AuditKey]) -> "Trust":
        """Believe the holders of these keys."""
        return cls({key.id: key.public for key in keys}, keys)


def verify(
    seals: Iterable[StoredSeal], trust: Trust, checkpoints: Iterable[Checkpoint] = ()
) -> Report:
    """Return what is right and wrong with a chain, from its first seal to its last.

    `checkpoints` are what was told outside, their signatures already checked.
    """
    report = Report()
    told = {one.number: one for one in checkpoints}
    for seal in seals:
        _check_place(report, seal)
        _check_seal(report, seal, trust)
        _check_rows(report, seal, trust)
        mark = told.pop(seal.number, None)
        if mark is not None and mark.hash != seal.hash:
            report.add(
                Problem("is not the one that was told outside the database", seal=seal.number)
            )
        report.seals, report.last_hash = seal.number, seal.hash
    for number in sorted(told):
        report.add(Problem(CUT, seal=number))
    return report


def check_waiting(report: Report, rows: Iterable[StoredRow], trust: Trust) -> None:
    """Check the rows that wait for their seal."""
    for row in rows:
        report.waiting += 1
        if trust.keys and not is_authentic(trust.keys, row.mac, row.content):
            report.add(Problem("was not written by the platform", entry=row.id))


def _check_place(report: Report, seal: StoredSeal) -> None:
    if seal.number != report.seals + 1:
        report.add(Problem(f"follows seal {report.seals}: some are gone", seal=seal.number))
    elif seal.previous != report.last_hash:
        report.add(Problem("does not continue the one before", seal=seal.number))


def _check_seal(report: Report, seal: StoredSeal, trust: Trust) -> None:
    said = content.seal_content(
        number=seal.number,
        sealed_at=seal.sealed_at,
        entries=seal.entry_ids,
        root=content.root([seal.leaves]),
        previous=seal.previous,
        key=seal.key_id,
    )
    public = trust.public_keys.get(seal.key_id)
    if len(seal.leaves) != LEAF_BYTES * len(seal.entry_ids) or content.seal_hash(said) != seal.hash:
        report.add(Problem("was changed", seal=seal.number))
    elif public is None:
        report.add(Problem("is signed by an unknown key", seal=seal.number))
    elif not is_signed(public, content.signed(seal.hash), seal.signature):
        report.add(Problem("was made by somebody without the key", seal=seal.number))


def _check_rows(report: Report, seal: StoredSeal, trust: Trust) -> None:
    for entry_id, leaf in zip(seal.entry_ids, _leaves(seal.leaves), strict=False):
        report.entries += 1
        row = seal.rows.get(entry_id)
        if row is None:
            report.add(Problem("is gone", entry=entry_id, seal=seal.number))
        elif content.leaf(row.id, row.mac, row.content) != leaf:
            report.add(Problem("was changed, or another put in its place", entry_id, seal.number))
        elif trust.keys and not is_authentic(trust.keys, row.mac, row.content):
            report.add(Problem("was not written by the platform", entry_id, seal.number))


def _leaves(leaves: bytes) -> Iterator[bytes]:
    return (leaves[at : at + LEAF_BYTES] for at in range(0, len(leaves), LEAF_BYTES))


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report for programs."""
    return {
        "holds": report.holds,
        "entries": report.entries,
        "seals": report.seals,
        "waiting": report.waiting,
        "last_hash": report.last_hash,
        "first_bad_entry": report.first_bad_entry,
        "problems": [
            {"entry": one.entry, "seal": one.seal, "what": one.what} for one in report.problems
        ],
        "more_problems": report.more,
    }
