"""Verifying: whether the trail is the one that was written, and where it is not.

Seals come in order, each with its rows; memory stays flat. The same is done for the tables and for
an export, which `verify` cannot tell apart.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit.chain import content, erased
from audit.chain.checkpoints import Checkpoint
from audit.chain.keys import AuditKey, is_signed
from audit.chain.sealing import is_authentic

LEAF_BYTES = 32
CUT = "was told outside the database and is gone: the end was cut"
# More than these are counted, not listed.
LISTED = 100


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as it lies there: its number, its code, what it says, and whether it was erased."""

    id: int
    mac: str
    content: bytes
    erased: Mapping[str, Any] | None = None


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
class StoredCut:
    """A cut as it lies there: what it says, and by whom that is signed."""

    said: Mapping[str, Any]
    signature: str


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
    # Removed on purpose: a signed cut says so.
    removed: int = 0
    removed_until: int = 0
    # Without the data of people who were erased: a signed mark says so.
    erased: int = 0
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
    seals: Iterable[StoredSeal],
    trust: Trust,
    checkpoints: Iterable[Checkpoint] = (),
    cuts: Iterable[StoredCut] = (),
) -> Report:
    """Return what is right and wrong with a chain, from its first seal to its last.

    `checkpoints` are what was told outside, their signatures already checked. Entries up to the
    last of the `cuts` may be gone.
    """
    report = Report()
    told = {one.number: one for one in checkpoints}
    hashes = _believed(report, cuts, trust)
    for seal in seals:
        _check_place(report, seal)
        _check_seal(report, seal, trust)
        _check_rows(report, seal, trust)
        if hashes.pop(seal.number, seal.hash) != seal.hash:
            report.add(Problem("is not the one after which the trail was cut", seal=seal.number))
        mark = told.pop(seal.number, None)
        if mark is not None and mark.hash != seal.hash:
            report.add(
                Problem("is not the one that was told outside the database", seal=seal.number)
            )
        report.seals, report.last_hash = seal.number, seal.hash
    for number in sorted({*told, *hashes}):
        report.add(Problem(CUT, seal=number))
    return report


def _believed(report: Report, cuts: Iterable[StoredCut], trust: Trust) -> dict[int, str]:
    """Return the hashes of the seals after which the trail was cut by somebody with the key."""
    found = {}
    for cut in cuts:
        number, public = cut.said["number"], trust.public_keys.get(cut.said["key"])
        signed = content.signed_cut(content.cut_content(cut.said))
        if public is None or not is_signed(public, signed, cut.signature):
            report.add(Problem("was cut after by somebody without the key", seal=number))
            continue
        found[number] = cut.said["hash"]
        report.removed_until = max(report.removed_until, number)
    return found


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
        if row is None and seal.number <= report.removed_until and leaf != content.NO_LEAF:
            report.removed += 1
        elif row is None:
            report.add(Problem("is gone", entry=entry_id, seal=seal.number))
        elif wrong := _wrong_with(row, leaf, trust):
            report.add(Problem(wrong, entry_id, seal.number))
        elif row.erased is not None:
            report.erased += 1


def _wrong_with(row: StoredRow, leaf: bytes, trust: Trust) -> str:
    """Return what is wrong with a row that a seal holds, or an empty text."""
    said = row.content
    if row.erased is not None:
        public = trust.public_keys.get(str(row.erased.get("key")))
        if not public or not erased.is_marked(public, row.id, row.mac, row.erased, row.content):
            return "was erased by somebody without the key"
        if not trust.keys:
            # What it said is for the holder of the key to check.
            return ""
        kept = erased.original_of(trust.keys, row.id, row.mac, row.erased)
        if kept is None or not erased.keeps_the_rest(kept, row.content):
            return "was erased, and what it said is not what was kept of it"
        said = kept
    if content.leaf(row.id, row.mac, said) != leaf:
        return "was changed, or another put in its place"
    if trust.keys and not is_authentic(trust.keys, row.mac, said):
        return "was not written by the platform"
    return ""


def _leaves(leaves: bytes) -> Iterator[bytes]:
    return (leaves[at : at + LEAF_BYTES] for at in range(0, len(leaves), LEAF_BYTES))


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report for programs."""
    return {
        "holds": report.holds,
        "entries": report.entries,
        "seals": report.seals,
        "waiting": report.waiting,
        "removed": report.removed,
        "erased": report.erased,
        "last_hash": report.last_hash,
        "first_bad_entry": report.first_bad_entry,
        "problems": [
            {"entry": one.entry, "seal": one.seal, "what": one.what} for one in report.problems
        ],
        "more_problems": report.more,
    }
