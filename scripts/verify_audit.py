#!/usr/bin/env python3
"""Verify an export of the audit trail: python3 verify_audit.py EXPORT [options].

Needs Python 3.11 and nothing else, no database and no secret. docs/audit.md describes what is
checked. The public keys in the export are whoever's wrote it: name the ones that you trust with
--key, and hand in a checkpoint that was kept elsewhere with --checkpoint.

Ends with 0 where everything holds, with 1 where something does not, with 2 where it cannot be read.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

FORMAT = "restai audit export 1"
CONTEXT = b"restai audit seal 1\n"
CUT_CONTEXT = b"restai audit cut 1\n"
ERASED_CONTEXT = b"restai audit erased 1\n"
GENESIS = "0" * 64
ENTRY, CONTENT = b'{"entry":', b',"content":'
LEAF = 64

# Ed25519 as in RFC 8032, section 5.1.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
# X, Y, Z and T = X·Y/Z.
Point = tuple[int, int, int, int]


def added(a: Point, b: Point) -> Point:
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    x, y, z, t = f - e, h - g, h + g, f + e
    return x * y % P, z * t % P, y * z % P, x * t % P


def times(number: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = added(total, point)
        point = added(point, point)
        number >>= 1
    return total


def same(a: Point, b: Point) -> bool:
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def point_of(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def base() -> Point:
    found = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    if found is None:
        raise ArithmeticError("The base point is on the curve.")
    return found


BASE = base()


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r = point_of(public), point_of(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    return same(times(s, BASE), added(r, times(int.from_bytes(digest, "little") % L, a)))


def unhexed(text: object) -> bytes:
    try:
        return bytes.fromhex(str(text))
    except ValueError:
        return b""


class Verifier:
    """Takes the lines of an export one by one; `problems` are sentences."""

    def __init__(self, keys: list[bytes], checkpoints: list[dict[str, Any]]) -> None:
        self.keys = {hashlib.sha256(key).hexdigest()[:16]: key for key in keys}
        self.marks = {mark["number"]: mark for mark in checkpoints}
        self.problems: list[str] = []
        self.seals = self.entries = self.erased = self.removed = self.removed_until = 0
        self.cuts: dict[int, str] = {}
        self.last = GENESIS
        self.due: list[tuple[int, str]] = []
        self.has_ended = False

    def take(self, line: bytes) -> None:
        if self.has_ended:
            self.problems.append("There is something after the end of the export.")
        if line.startswith(ENTRY):
            self.take_entry(line)
            return
        value = json.loads(line)
        if "seal" in value:
            self.take_seal(value["seal"])
        elif "cut" in value:
            self.take_cut(value["cut"])
        elif "end" in value:
            self.take_end(value["end"])

    def take_cut(self, cut: dict[str, Any]) -> None:
        said = {name: value for name, value in cut.items() if name != "signature"}
        content = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        signed = CUT_CONTEXT + hashlib.sha256(content.encode()).hexdigest().encode()
        public = self.keys.get(cut["key"])
        if public is None or not is_signed(public, signed, unhexed(cut["signature"])):
            self.problems.append(f"The cut after seal {cut['number']} has no key that you trust.")
            return
        self.cuts[cut["number"]] = cut["hash"]
        self.removed_until = max(self.removed_until, cut["number"])

    def take_seal(self, seal: dict[str, Any]) -> None:
        self.miss_rows()
        number, ids, leaves = seal["number"], seal["entries"], seal["leaves"]
        if number != self.seals + 1:
            self.problems.append(f"Seal {number} follows seal {self.seals}: some are gone.")
        elif seal["previous"] != self.last:
            self.problems.append(f"Seal {number} does not continue the one before.")
        said = {name: seal[name] for name in ("number", "sealed_at", "entries", "previous", "key")}
        said["root"] = hashlib.sha256(unhexed(leaves)).hexdigest()
        content = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if hashlib.sha256(content.encode()).hexdigest() != seal["hash"]:
            self.problems.append(f"Seal {number} was changed.")
        elif not self.is_trusted(seal):
            self.problems.append(f"Seal {number} was made by somebody without a key you trust.")
        if self.cuts.pop(number, seal["hash"]) != seal["hash"]:
            self.problems.append(f"Seal {number} is not the one after which the trail was cut.")
        mark = self.marks.pop(number, None)
        if mark is not None and mark["hash"] != seal["hash"]:
            self.problems.append(f"Seal {number} is not the one of the checkpoint.")
        if len(leaves) != LEAF * len(ids):
            self.problems.append(f"Seal {number} was changed.")
        split = [leaves[at : at + LEAF] for at in range(0, len(leaves), LEAF)]
        self.due = list(zip(ids, split, strict=False))[::-1]
        self.seals, self.last = number, seal["hash"]

    def is_trusted(self, seal: dict[str, Any]) -> bool:
        public = self.keys.get(seal["key"])
        signed = CONTEXT + seal["hash"].encode()
        return public is not None and is_signed(public, signed, unhexed(seal["signature"]))

    def take_entry(self, line: bytes) -> None:
        head, _, content = line[len(ENTRY) :].partition(CONTENT)
        entry, content = json.loads(head), content.rstrip(b"\n")[:-1]
        while self.due and self.due[-1][0] != entry["id"]:
            self.miss_row()
        if not self.due:
            self.problems.append(f"Entry {entry['id']} is in no seal.")
            return
        leaf = self.due.pop()[1]
        data = f"{entry['id']} {entry['mac']} ".encode() + content
        self.entries += 1
        if "erased" in entry:
            self.take_erased(entry, content)
        elif hashlib.sha256(data).hexdigest() != leaf:
            self.problems.append(f"Entry {entry['id']} of seal {self.seals} was changed.")

    def take_erased(self, entry: dict[str, Any], content: bytes) -> None:
        mark = entry["erased"]
        data = f"{entry['id']} {entry['mac']} {mark['original']} ".encode() + content
        signed = ERASED_CONTEXT + hashlib.sha256(data).hexdigest().encode()
        public = self.keys.get(mark["key"])
        if public is not None and is_signed(public, signed, unhexed(mark["signature"])):
            self.erased += 1
        else:
            self.problems.append(
                f"Entry {entry['id']} of seal {self.seals} was erased without a key that you trust."
            )

    def miss_rows(self) -> None:
        while self.due:
            self.miss_row()

    def miss_row(self) -> None:
        number, leaf = self.due.pop()
        if self.seals <= self.removed_until and leaf != "0" * LEAF:
            self.removed += 1
        else:
            self.problems.append(f"Entry {number} of seal {self.seals} is gone.")

    def take_end(self, end: dict[str, Any]) -> None:
        self.miss_rows()
        self.has_ended = True
        if end["seals"] != self.seals:
            self.problems.append(f"The export ends with seal {self.seals} of {end['seals']}.")

    def close(self) -> None:
        if not self.has_ended:
            self.problems.append("The export has no end: it was cut.")
        for number in sorted(self.cuts):
            self.problems.append(f"Seal {number}, after which the trail was cut, is gone.")
        for number in sorted(self.marks):
            self.problems.append(f"Seal {number} of the checkpoint is gone: the end was cut.")


def checkpoint(path: str, keys: list[bytes]) -> dict[str, Any]:
    mark: dict[str, Any] = json.loads(Path(path).read_bytes())
    signed = CONTEXT + str(mark["hash"]).encode()
    if not any(is_signed(key, signed, unhexed(mark["signature"])) for key in keys):
        raise ValueError(f"{path} is not signed by a key you trust.")
    return mark


def verified(export: Path, trusted: list[str], checkpoints: list[str]) -> Verifier:
    with export.open("rb") as file:
        head = json.loads(file.readline())
        if head.get("format") != FORMAT:
            raise ValueError("This is no export of an audit trail.")
        keys = [unhexed(key) for key in trusted or head["public_keys"].values()]
        verifier = Verifier(keys, [checkpoint(path, keys) for path in checkpoints])
        for line in file:
            verifier.take(line)
    verifier.close()
    return verifier


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an export of the audit trail.")
    parser.add_argument("export")
    parser.add_argument("--key", action="append", default=[], help="a public key in hex")
    parser.add_argument("--checkpoint", action="append", default=[], help="a file")
    asked = parser.parse_args()
    try:
        verifier = verified(Path(asked.export), asked.key, asked.checkpoint)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        print(f"The export cannot be read: {error}", file=sys.stderr)
        return 2
    print(f"Entries: {verifier.entries}. Seals: {verifier.seals}. Last hash: {verifier.last}")
    if verifier.removed_until:
        removed, until = verifier.removed, verifier.removed_until
        print(f"Removed on purpose: {removed} entries, up to seal {until}.")
    if verifier.erased:
        print(
            f"Without the data of erased people: {verifier.erased} entries. That somebody with the "
            "key did that is certain; what they said before, only that one can check."
        )
    if not asked.key:
        print("Believed are the keys in the export itself; name the ones you trust with --key.")
    for problem in verifier.problems[:100]:
        print(problem)
    print("Something is wrong." if verifier.problems else "The export is as it was sealed.")
    return 1 if verifier.problems else 0


if __name__ == "__main__":
    sys.exit(main())
