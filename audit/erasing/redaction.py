"""What an entry says once somebody is taken out of it."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# What may stand before an address, or behind it, without being part of it.
BEFORE, BEHIND = r"(?<![\w.%+-])", r"(?![\w-]|\.\w)"
Row = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """Somebody to take out: what the trail knows them by, and what stands there instead."""

    type: str
    id: int
    pseudonym: str
    addresses: frozenset[str]
    names: frozenset[str]

    @cached_property
    def spelled(self) -> re.Pattern[str] | None:
        """Finds the addresses within a text, however they are spelled."""
        found = "|".join(re.escape(one) for one in sorted(self.addresses, key=len, reverse=True))
        return re.compile(f"{BEFORE}(?:{found}){BEHIND}", re.IGNORECASE) if found else None


def without(person: Person, row: Row) -> Row:
    """Return the row of an entry without the person.

    Where they acted, the address and the program they came by go as well. Their name goes from
    entries about them; elsewhere it may be anybody's, or a word.
    """
    found = dict(row)
    acted = row["actor_id"] == person.id
    stood_behind = row["impersonator_id"] == person.id
    if acted:
        found["actor_email"] = person.pseudonym
    if stood_behind:
        found["impersonator_email"] = person.pseudonym
    if acted or stood_behind:
        found |= {"ip": None, "user_agent": ""}
    about = row["target_type"] == person.type and row["target_id"] == str(person.id)
    names = person.names if about else frozenset()
    found["target_name"] = str(_cleaned(person, names, row["target_name"]))[:200]
    found["changes"] = _cleaned(person, names, row["changes"])
    for name in ("actor_email", "impersonator_email"):
        found[name] = _cleaned(person, names, found[name])
    return found


def _cleaned(person: Person, names: frozenset[str], value: Any) -> Any:
    if isinstance(value, dict):
        return {
            _cleaned(person, frozenset(), key): _cleaned(person, names, item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(person, names, item) for item in value]
    if not isinstance(value, str):
        return value
    if value in names:
        return person.pseudonym
    return person.spelled.sub(person.pseudonym, value) if person.spelled else value
