"""The days and months of budgets, in the time zone of whom they are for."""

from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

# Of users and keys, who may belong to teams in several zones.
COMMON_ZONE = "UTC"


class Window(NamedTuple):
    """A day or a month: from `starts_at` on, before `ends_at`."""

    starts_at: datetime
    ends_at: datetime


def window(period: str, moment: datetime, zone: str) -> Window:
    """Return the `day` or `month` in `zone`, a name of the IANA database, that holds `moment`.

    Both ends are midnights of that zone, so a day has 23 or 25 hours where clocks are changed.
    Raises ZoneInfoNotFoundError for a zone that this machine does not know.
    """
    zone_info = ZoneInfo(zone)
    first = moment.astimezone(zone_info).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == "month":
        first = first.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
    else:
        following = first + timedelta(days=1)
    utc = ZoneInfo("UTC")
    return Window(first.astimezone(utc), following.astimezone(utc))


def spoken(moment: datetime, zone: str) -> str:
    """Return a moment as people in `zone` say it: 1 December 2026 at 00:00 (Europe/Berlin)."""
    there = moment.astimezone(ZoneInfo(zone))
    return f"{there.day} {there:%B %Y} at {there:%H:%M} ({zone})"
