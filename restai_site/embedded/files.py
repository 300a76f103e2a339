"""The files of the pages, collected once for each state of their sources."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

STAMP = "stamp"
# What the collected files are made of: our own, and those of the pinned packages.
SOURCES = ("static", "requirements.txt", "restai_site/settings.py")


def is_current(target: Path, root: Path) -> bool:
    """Tell whether `target` was collected from the sources below `root` as they are now."""
    stamp = target / STAMP
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _digest(root)


def mark_current(target: Path, root: Path) -> None:
    """Note what `target` was collected from."""
    (target / STAMP).write_text(_digest(root), encoding="utf-8")


def _digest(root: Path) -> str:
    """Return a digest of names, sizes and times: reading every byte would cost each start."""
    digest = hashlib.sha256()
    for path in _files(root):
        state = path.stat()
        digest.update(
            os.fsencode(f"{path.relative_to(root)}:{state.st_size}:{state.st_mtime_ns}\n")
        )
    return digest.hexdigest()


def _files(root: Path) -> Iterable[Path]:
    for source in SOURCES:
        path = root / source
        yield from (
            sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        )
