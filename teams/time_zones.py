"""The time zones a team can be in: names of the IANA database that this machine has."""

from functools import lru_cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError

UTC = "UTC"
# Of the names without a place, and of offsets, which know no summer time, UTC alone is offered.
WITHOUT_PLACE = ("Etc/", "SystemV/")
UNKNOWN = "Choose a time zone by its name, such as Europe/Berlin or UTC."


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """Return the names that can be chosen."""
    places = {
        name for name in available_timezones() if "/" in name and not name.startswith(WITHOUT_PLACE)
    }
    return frozenset(places | {UTC})


def validate_time_zone(name: str) -> None:
    """Refuse what is no name of a time zone. Raises ValidationError."""
    if name not in known():
        raise ValidationError(UNKNOWN)


@lru_cache(maxsize=1)
def choices() -> list[tuple[str, str] | tuple[str, list[tuple[str, str]]]]:
    """Return the names for a select, those of one part of the world together."""
    parts: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(known() - {UTC}):
        part, _, place = name.partition("/")
        parts.setdefault(part, []).append((name, place.replace("_", " ").replace("/", ", ")))
    return [(UTC, UTC), *parts.items()]
