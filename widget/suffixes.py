"""Names below which anybody can have a host of their own, by the Public Suffix List.

The list (publicsuffix.org) comes with the package and is as old as its pin. Names that it does not
know, such as those of an internal network, belong to one owner.
"""

from functools import cache
from pathlib import Path

import idna
from publicsuffixlist import PSLFILE, PublicSuffixList


def is_open_to_all(name: str) -> bool:
    """Return whether hosts below `name` belong to whoever takes them: `co.uk`, `github.io`.

    So do some below a name that holds such a suffix, as `amazonaws.com` holds `s3.amazonaws.com`.
    `name` is in lower case, without a star, and in ASCII.
    """
    return _suffixes().is_public(name) or name in _names_above()


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


@cache
def _names_above() -> frozenset[str]:
    """Return the names that hold a suffix, whole top-level domains among them."""
    found = set()
    for line in Path(PSLFILE).read_text(encoding="utf-8").splitlines():
        rule = line.split(" ")[0].strip().lower()
        if not rule or rule.startswith(("//", "!")):
            continue
        name = rule.removeprefix("*.")
        labels = (name if name.isascii() else idna.encode(name).decode()).split(".")
        found |= {".".join(labels[at:]) for at in range(1, len(labels))}
    return frozenset(found)
