"""Stretches of time whose days begin at the midnight of a time zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from metering.spans import Period, period_of

COMMON_ZONE = "UTC"


@dataclass(frozen=True)
class ZonedPeriod:
    """One of metering's periods, its days as people in `zone` have them.

    A day has 23 or 25 hours where clocks are changed. What is cut by the hour is cut by the hours
    of UTC, of which no clock repeats or skips any.
    """

    period: Period
    zone: str

    @classmethod
    def of(cls, key: str, zone: str = COMMON_ZONE) -> "ZonedPeriod":
        """Return the period with this key, or the usual one; `zone` is a name of the IANA database.

        Raises ZoneInfoNotFoundError for a zone that this machine does not know.
        """
        return cls(period_of(key), ZoneInfo(zone).key)

    @property
    def key(self) -> str:
        return self.period.key

    @property
    def label(self) -> str:
        return self.period.label

    @property
    def bucket(self) -> str:
        return self.period.bucket

    @property
    def bucket_label(self) -> str:
        return self.period.bucket_label

    @property
    def now(self) -> datetime:
        return self.period.now

    @cached_property
    def buckets(self) -> list[datetime]:
        """The beginning of each hour or day."""
        if self.bucket == "hour":
            return self.period.buckets
        return [self._midnight(self._today - timedelta(days=back)) for back in self._days_back]

    @property
    def starts(self) -> datetime:
        """The beginning of the first bucket, so that the first bar is whole."""
        return self.buckets[0]

    @property
    def ends(self) -> datetime:
        """The end of the last bucket, which is yet to come."""
        if self.bucket == "hour":
            return self.period.ends
        return self._midnight(self._today + timedelta(days=1))

    @property
    def previous_starts(self) -> datetime:
        if self.bucket == "hour":
            return self.period.previous_starts
        return self._midnight(self._today - timedelta(days=2 * self.period.count - 1))

    @property
    def previous_ends(self) -> datetime:
        """The moment that lies as far in the period before as now does in this one."""
        if self.bucket == "hour":
            return self.now - self.period.step * self.period.count
        # By the clock on the wall: a change of clocks in between moves no midnight.
        there = self.now.astimezone(self._zone) - timedelta(days=self.period.count)
        return there.astimezone(UTC)

    def name(self, moment: datetime) -> str:
        """Return what stands below a bar."""
        return self.period.name(moment.astimezone(self._zone))

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @cached_property
    def _today(self) -> date:
        return self.now.astimezone(self._zone).date()

    @property
    def _days_back(self) -> range:
        return range(self.period.count - 1, -1, -1)

    def _midnight(self, day: date) -> datetime:
        # Where the clocks skip midnight, this is the moment at which they do.
        return datetime.combine(day, time.min, self._zone).astimezone(UTC)
