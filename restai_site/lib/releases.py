"""Releases of packages that are known to be malicious, and whether one of them is installed.

Only the standard library: `scripts/check-requirements` reads this before anything is installed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata


@dataclass(frozen=True)
class BadRelease:
    """A release that must never be installed; `source` is where its finders describe it."""

    name: str
    version: str
    reason: str
    source: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} is malicious: {self.reason} ({self.source})"


def _bad(name: str, versions: str, reason: str, source: str) -> list[BadRelease]:
    return [BadRelease(name, version, reason, source) for version in versions.split()]


# Short on purpose: what this platform installs, and what a project of its kind is likely to add.
# Vulnerable releases, as opposed to malicious ones, are found by `make audit`.
KNOWN_BAD: tuple[BadRelease, ...] = (
    *_bad(
        "litellm",
        "1.82.7 1.82.8",
        "it steals the keys and passwords of the machine",
        "BerriAI/litellm issue 24518",
    ),
    *_bad(
        "lightning",
        "2.6.2 2.6.3",
        "it steals the keys and passwords of the machine when it is imported",
        "GHSA-w37p-236h-pfx3",
    ),
    *_bad(
        "ultralytics",
        "8.3.41 8.3.42 8.3.45 8.3.46",
        "it fetches and runs a miner of cryptocurrency",
        "ultralytics/ultralytics pull request 18018",
    ),
)


def normalised(name: str) -> str:
    """Return the name of a package as all its spellings are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def known_bad(name: str, version: str) -> BadRelease | None:
    """Return what is known against this release, or None."""
    wanted = (normalised(name), _plain(version))
    return next((bad for bad in KNOWN_BAD if (bad.name, _plain(bad.version)) == wanted), None)


def installed_bad_releases() -> Iterator[BadRelease]:
    """Yield the known bad releases among the packages that this interpreter would import."""
    for name in sorted({bad.name for bad in KNOWN_BAD}):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if bad := known_bad(name, version):
            yield bad


def _plain(version: str) -> str:
    """Return `version` such that versions which an installer takes as equal are equal (PEP 440)."""
    public = version.strip().lower().removeprefix("v").removeprefix("0!").split("+")[0]
    return re.sub(r"(\.0+)+$", "", public)
