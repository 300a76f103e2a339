"""Charts as data: the script draws them, the table beside each says the same in figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

PointT = TypeVar("PointT")


@dataclass(frozen=True)
class Series:
    """One line or stack of bars. `tone` picks its colour in the style sheet."""

    label: str
    values: Sequence[float | None]
    tone: str


@dataclass(frozen=True)
class Chart:
    """A chart with its title, its labels and its table."""

    id: str
    title: str
    summary: str
    kind: str
    labels: Sequence[str]
    series: Sequence[Series]
    show: Callable[[float | None], str]
    unit: str = ""
    bucket_label: str = "Day"
    stacked: bool = field(default=False)

    @property
    def data_id(self) -> str:
        return f"{self.id}-data"

    @property
    def data(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "unit": self.unit,
            "stacked": self.stacked,
            "labels": list(self.labels),
            "series": [
                {"label": one.label, "values": list(one.values), "tone": one.tone}
                for one in self.series
            ],
        }

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The table, newest first."""
        lines = zip(self.labels, *(one.values for one in self.series), strict=True)
        table = [
            {"label": label, "values": [self.show(value) for value in values]}
            for label, *values in lines
        ]
        return table[::-1]


class Buckets(Protocol):
    """A stretch of time that is cut into hours or days."""

    @property
    def buckets(self) -> list[datetime]: ...

    @property
    def bucket_label(self) -> str: ...

    def name(self, moment: datetime) -> str: ...


def chart_over(
    period: Buckets,
    key: str,
    title: str,
    summary: str,
    *,
    series: Sequence[Series],
    show: Callable[[Any], str],
    kind: str = "bar",
    **more: Any,
) -> Chart:
    """Return a chart over time: one label for each bucket of `period`, one value of each series."""
    labels = [period.name(bucket) for bucket in period.buckets]
    more["bucket_label"] = period.bucket_label
    return Chart(f"chart-{key}", title, summary, kind, labels, series, show, **more)


def series_over(
    points: Sequence[tuple[datetime, PointT]],
    label: str,
    value: Callable[[PointT], float | None],
    tone: str,
) -> Series:
    """Return the series of one `value` of each of the `points` in time."""
    return Series(label, [value(point) for _, point in points], tone)


def whole(value: float | None) -> str:
    """Return a count as text."""
    return f"{value or 0:,.0f}"
