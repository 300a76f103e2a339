"""Charts as data: the script draws them, the table beside each says the same in figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


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
