"""Stretches of time, and the rows of the roll-ups that cover them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from django.db.models import Q
from django.utils import timezone

from metering.models import UsageRollup

Grain = UsageRollup.Grain
DEFAULT_PERIOD = "30d"
ONE_HOUR, ONE_DAY, ONE_WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
_CHOICES = (("7d", "7 days", 7), ("30d", "30 days", 30), ("90d", "90 days", 90))
# How many whole days of a period lie before today; after midnight, before the last day is summed
# up, it is one less.
WINDOW_DAYS = tuple(days - left for *_, days in _CHOICES for left in (1, 2))


@dataclass(frozen=True)
class Period:
    """A stretch of time up to now, cut into buckets."""

    key: str
    label: str
    bucket: str
    step: timedelta
    count: int

    @cached_property
    def now(self) -> datetime:
        return timezone.now()

    @property
    def starts(self) -> datetime:
        """The beginning of the first bucket, so that the first bar is whole."""
        return self.buckets[0]

    @property
    def ends(self) -> datetime:
        """The end of the last bucket, which is yet to come."""
        return self.buckets[-1] + self.step

    @cached_property
    def buckets(self) -> list[datetime]:
        last = hour_of(self.now) if self.bucket == "hour" else day_of(self.now)
        return [last - self.step * back for back in range(self.count - 1, -1, -1)]

    @property
    def previous_starts(self) -> datetime:
        return self.starts - self.step * self.count

    @property
    def previous_ends(self) -> datetime:
        """The end of what the period is compared with.

        A week is compared with the week before up to this hour: a day that has just begun would
        look like a decline. Of longer periods it is a small part, and hours are not kept as long.
        """
        if self.bucket == "day" and self.step * self.count <= ONE_WEEK:
            return hour_of(self.now) + ONE_HOUR - self.step * self.count
        return self.starts

    def name(self, moment: datetime) -> str:
        return f"{moment:%H:%M}" if self.bucket == "hour" else f"{moment.day} {moment:%b}"

    @property
    def bucket_label(self) -> str:
        return "Hour" if self.bucket == "hour" else "Day"


def periods() -> list[Period]:
    """Return what a page offers to choose from, measured from now."""
    hours = Period("24h", "24 hours", "hour", ONE_HOUR, 24)
    days = [Period(key, name, "day", ONE_DAY, count) for key, name, count in _CHOICES]
    return [hours, *days]


def period_of(key: str) -> Period:
    """Return the period with this key, or the usual one."""
    by_key = {period.key: period for period in periods()}
    return by_key.get(key, by_key[DEFAULT_PERIOD])


def covering(
    starts: datetime, ends: datetime, *, bucket: str, days_until: datetime, windows: bool = False
) -> Q:
    """Return the condition for the rows of which each moment of the stretch is in exactly one.

    Days that are not over yet are read from their hours, as is an end within a day; what is cut by
    the hour, from hours alone. `windows` says that there are windows up to `days_until`.
    """
    if bucket == "hour":
        return _rows(Grain.HOUR, starts, ends)
    last_day = max(min(day_of(ends), days_until), starts)
    hours = _rows(Grain.HOUR, last_day, ends)
    if windows and last_day == days_until and (last_day - starts).days in WINDOW_DAYS:
        return Q(grain=Grain.WINDOW, starts_at=starts) | hours
    return _rows(Grain.DAY, starts, last_day) | hours


def _rows(grain: str, starts: datetime, ends: datetime) -> Q:
    return Q(grain=grain, starts_at__gte=starts, starts_at__lt=ends)


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour of UTC that holds `moment`."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """Return the beginning of the day of UTC that holds `moment`."""
    return hour_of(moment).replace(hour=0)
