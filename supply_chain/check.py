"""Checks what may be installed: `scripts/check-requirements [FOLDER]`.

Only the standard library: this runs before anything is installed.
"""

import base64
import binascii
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from restai_site.lib.releases import known_bad
from supply_chain.requirements import (
    Problem,
    RequirementsFile,
    read_compiled,
    read_wanted,
)

ROOT = Path(__file__).resolve().parent.parent
LOCK = "package-lock.json"
# What the browser is sent, and what the identity provider of the tests is made of.
PACKAGES = {".": "devDependencies", "restai_site/tests/identity_provider": "dependencies"}
SHA512_BYTES = 64


def main(arguments: Sequence[str]) -> int:
    """Print what is wrong in a folder (the checkout's unless named); return 1 if anything is."""
    folder = Path(arguments[0]) if arguments else ROOT
    files = [read_compiled(path) for path in sorted(folder.glob("requirements*.txt"))]
    problems = [*check_requirements(folder, files), *check_locks(folder)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 1
    pins = sum(len(file.requirements) for file in files)
    print(f"{pins} requirements in {len(files)} files are pinned with hashes; none is known bad.")
    return 0


def check_requirements(folder: Path, files: Sequence[RequirementsFile]) -> Iterator[Problem]:
    """Yield the problems of the compiled files, and of what people write beside them."""
    if not files:
        yield Problem("requirements.txt", 0, f"there are no requirements in {folder}.")
    compiled = {file.name: file for file in files}
    for file in files:
        yield from file.problems
        yield from _bad_releases(file)
        if not (folder / file.name).with_suffix(".in").is_file():
            yield Problem(file.name, 0, "it has no .in file that it is compiled from.")
    for path in sorted(folder.glob("requirements*.in")):
        wanted = read_wanted(path)
        yield from wanted.problems
        yield from _bad_releases(wanted)
        target = path.with_suffix(".txt").name
        yield from _missing(wanted, compiled.get(target) or RequirementsFile(target))


def _bad_releases(file: RequirementsFile) -> Iterator[Problem]:
    for requirement in file.requirements:
        if bad := known_bad(requirement.name, requirement.version):
            yield Problem(file.name, requirement.line, f"{bad}.")


def _missing(wanted: RequirementsFile, compiled: RequirementsFile) -> Iterator[Problem]:
    """Yield what is wanted and not in the compiled file, or there in another version."""
    for requirement in wanted.requirements:
        found = {pin.version for pin in compiled.requirements if pin.name == requirement.name}
        if not found:
            sentence = f"{requirement.name} is not in {compiled.name}; run: make requirements"
            yield Problem(wanted.name, requirement.line, sentence)
        elif requirement.version and found != {requirement.version}:
            versions = " and ".join(sorted(found))
            sentence = f"{requirement.name} {requirement.version} is {versions} in {compiled.name}"
            yield Problem(wanted.name, requirement.line, f"{sentence}; run: make requirements")


def check_locks(folder: Path) -> Iterator[Problem]:
    """Yield the problems of the locks of all packages of npm."""
    for place, kind in PACKAGES.items():
        if place == "." or (folder / place).is_dir():
            yield from check_lock(folder / place, kind)


def check_lock(folder: Path, kind: str = "devDependencies") -> Iterator[Problem]:
    """Yield the problems of one lock; `kind` is where its package.json names what is wanted."""
    try:
        lock = json.loads((folder / LOCK).read_text(encoding="utf-8"))
        wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        entries, wanted = dict(lock["packages"]), dict(wanted[kind])
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield Problem(LOCK, 0, f"it, or package.json beside it, cannot be read: {error!r}")
        return
    root = entries.pop("", {})
    if root.get(kind) != wanted:
        yield Problem(LOCK, 0, "it is not of this package.json; run: npm install")
    for name, version in wanted.items():
        if entries.get(f"node_modules/{name}", {}).get("version") != version:
            yield Problem(LOCK, 0, f"{name} is not pinned to the {version} of package.json.")
    for place, entry in entries.items():
        if reason := _lock_problem(entry):
            yield Problem(LOCK, 0, f"{place} {reason}")


def _lock_problem(entry: dict[str, Any]) -> str:
    if not _is_sha512(str(entry.get("integrity", ""))):
        return "has no sha512 integrity."
    if entry.get("link") or "resolved" in entry:
        return (
            "names where it comes from; write the lock with: "
            "npm install --omit-lockfile-registry-resolved"
        )
    return ""


def _is_sha512(integrity: str) -> bool:
    try:
        digest = base64.b64decode(integrity.removeprefix("sha512-"), validate=True)
    except binascii.Error:
        return False
    return integrity.startswith("sha512-") and len(digest) == SHA512_BYTES


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
