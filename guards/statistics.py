"""What guards did over time, counted from the rows of findings themselves.

Nothing is summed up beforehand, so that every figure is that of the rows to the last one. Four
queries, whatever is asked: totals, series, categories, guards. Each reads one stretch of one index:
`guard_event_project_newest` for a project, `guard_event_team_newest` for a team,
`guard_event_newest` for the platform, `guard_event_guard_newest` for one guard of it. Categories
are read from the findings alone: `guard_event_project_found`, `guard_event_team_found`,
`guard_event_found`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Aggregate,
    Count,
    DateTimeField,
    F,
    FloatField,
    Func,
    IntegerField,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import Coalesce, NullIf

from guards.engine import label_of
from guards.labels import detector_title
from guards.models import GuardEvent
from guards.periods import ZonedPeriod
from guards.querysets import GuardEventQuerySet

OUTCOMES = tuple(GuardEvent.Outcome.values)
# A guard's judgements that something is wrong with the text.
FINDINGS = (
    GuardEvent.Outcome.WARNED.value,
    GuardEvent.Outcome.REDACTED.value,
    GuardEvent.Outcome.BLOCKED.value,
)
CATEGORIES_SHOWN = 10
GUARDS_SHOWN = 50
# Where in the list of bounds the period before and this one are.
BEFORE, NOW = 1, 3
REVIEWED = {
    "right_blocks": Q(outcome="blocked", review="right"),
    "wrong_blocks": Q(outcome="blocked", review="wrong"),
    "right_findings": Q(outcome__in=FINDINGS, review="right"),
    "wrong_findings": Q(outcome__in=FINDINGS, review="wrong"),
    "right_passes": Q(outcome="passed", review="right"),
    "wrong_passes": Q(outcome="passed", review="wrong"),
}
Row = Mapping[str, Any]


class Percentiles(Aggregate):
    """The median and the 95th percentile, between two rows in proportion (percentile_cont)."""

    function = "percentile_cont"
    template = "%(function)s(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = ArrayField(FloatField())


@dataclass(frozen=True)
class Totals:
    """Counts of checks: one is what one guard said of one stage of one call.

    The six outcomes add up to `checked`. Latency is in milliseconds.
    """

    checked: int = 0
    passed: int = 0
    warned: int = 0
    redacted: int = 0
    blocked: int = 0
    failed_closed: int = 0
    failed_open: int = 0
    latency_p50: float | None = None
    latency_p95: float | None = None
    right_blocks: int = 0
    wrong_blocks: int = 0
    right_findings: int = 0
    wrong_findings: int = 0
    right_passes: int = 0
    wrong_passes: int = 0

    @property
    def found(self) -> int:
        """How often a guard found something, whatever it then did."""
        return self.warned + self.redacted + self.blocked

    @property
    def failed(self) -> int:
        """How often a guard gave no judgement."""
        return self.failed_closed + self.failed_open

    @property
    def block_rate(self) -> float | None:
        """The share of checks whose judgement was to block, from 0 to 1; None without checks.

        What a guard blocked because it failed is no judgement, and counts as failed.
        """
        return _share(self.blocked, self.checked)

    @property
    def failure_rate(self) -> float | None:
        """The share of checks without a judgement, from 0 to 1; None without checks."""
        return _share(self.failed, self.checked)

    @property
    def reviewed(self) -> int:
        """How many checks people have reviewed."""
        findings = self.right_findings + self.wrong_findings
        return findings + self.right_passes + self.wrong_passes

    @property
    def precision(self) -> float | None:
        """Of the reviewed blocks, the share that was right; None where none is reviewed.

        Precision is true positives / (true positives + false positives): Manning, Raghavan,
        Schütze, Introduction to Information Retrieval (2008), section 8.3.
        """
        return _share(self.right_blocks, self.right_blocks + self.wrong_blocks)

    @property
    def recall(self) -> float | None:
        """Of what is reviewed and should be found, the share that was; None where there is none.

        Recall is true positives / (true positives + false negatives), as above: right findings,
        whether blocked, redacted or warned of, / (right findings + passed checks reviewed as
        wrong). It speaks of the reviewed checks alone: where people review what was found and
        seldom what passed, it comes out too high.
        """
        return _share(self.right_findings, self.right_findings + self.wrong_passes)


@dataclass(frozen=True, slots=True)
class Category:
    """What was found: how often, and how often it was blocked for that."""

    value: str
    label: str
    found: int
    blocked: int


@dataclass(frozen=True, slots=True)
class GuardLine:
    """The totals of one guard. One of `binding`, `guard` and `detector` narrows to it.

    None of them is there where the guard is gone.
    """

    name: str
    totals: Totals
    binding: int | None = None
    guard: int | None = None
    detector: str = ""


class Statistics:
    """The figures of `rows` within a period. What may be seen, and of what, is said by `rows`.

    `by_binding` tells guards apart by the place where they stand, as within one project; else by
    who judges, as over many.
    """

    def __init__(
        self, rows: GuardEventQuerySet, period: ZonedPeriod, *, by_binding: bool = False
    ) -> None:
        self.period = period
        self.by_binding = by_binding
        self._all = rows.order_by()
        self._rows = self._all.filter(created_at__gte=period.starts, created_at__lt=period.ends)

    @cached_property
    def _sums(self) -> dict[int, Totals]:
        period = self.period
        bounds = [period.previous_starts, period.previous_ends, period.starts, period.ends]
        within = self._all.filter(created_at__gte=bounds[0], created_at__lt=bounds[3])
        found = _counted(within.values(at=_place_among(bounds)))
        return {row["at"]: _totals(row) for row in found}

    @property
    def totals(self) -> Totals:
        return self._sums.get(NOW, Totals())

    @property
    def previous(self) -> Totals:
        """The same of as long a time before, up to the same hour."""
        return self._sums.get(BEFORE, Totals())

    @cached_property
    def series(self) -> list[tuple[datetime, Totals]]:
        """The totals of each bucket, those without checks too."""
        buckets = self.period.buckets
        found = _counted(self._rows.values(at=_place_among(buckets)))
        by_place = {row["at"]: _totals(row) for row in found}
        return [
            (moment, by_place.get(place, Totals())) for place, moment in enumerate(buckets, start=1)
        ]

    @cached_property
    def categories(self) -> list[Category]:
        """What was found most, the most frequent first."""
        found = self._rows.filter(outcome__in=FINDINGS).exclude(category="")
        groups = found.values("category").annotate(
            found=Count("pk"), blocked_count=Count("pk", filter=Q(outcome="blocked"))
        )
        return [
            Category(row["category"], label_of(row["category"]), row["found"], row["blocked_count"])
            for row in groups.order_by("-found", "category")[:CATEGORIES_SHOWN]
        ]

    @cached_property
    def guards(self) -> list[GuardLine]:
        """The totals of each guard, the busiest first."""
        groups = self._by_binding() if self.by_binding else self._by_judge()
        ordered = _counted(groups).order_by("-checked", "called")
        return [self._line(row) for row in ordered[:GUARDS_SHOWN]]

    def _by_binding(self) -> QuerySet[Any, Any]:
        return self._rows.values("binding_id", called=Coalesce("binding__name", "guard_name"))

    def _by_judge(self) -> QuerySet[Any, Any]:
        judge = Coalesce("guard__name", NullIf("detector", Value("")), "guard_name")
        return self._rows.values("guard_id", "detector", called=judge)

    def _line(self, row: Row) -> GuardLine:
        totals = _totals(row)
        if self.by_binding:
            return GuardLine(row["called"], totals, binding=row["binding_id"])
        guard, slug = row["guard_id"], row["detector"]
        if guard is None and slug:
            return GuardLine(detector_title(slug), totals, detector=slug)
        return GuardLine(row["called"], totals, guard=guard)


def _place_among(bounds: list[datetime]) -> Func:
    """Return which of the stretches between `bounds` a row is in: the first is 1.

    The bounds are worked out by one clock, ours; the database knows no time zone here.
    """
    among = Value(bounds, output_field=ArrayField(DateTimeField()))
    return Func(F("created_at"), among, function="width_bucket", output_field=IntegerField())


def _counted(groups: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
    """Add what `_totals` reads, to rows that are grouped by `values`."""
    counts = {f"{name}_count": Count("pk", filter=Q(outcome=name)) for name in OUTCOMES}
    reviews = {name: Count("pk", filter=condition) for name, condition in REVIEWED.items()}
    counted: QuerySet[Any, Any] = groups.annotate(
        checked=Count("pk"), latency=Percentiles("latency_ms"), **counts, **reviews
    )
    return counted


def _totals(row: Row) -> Totals:
    median, high = row["latency"]
    return Totals(
        checked=row["checked"],
        latency_p50=median,
        latency_p95=high,
        **{name: row[f"{name}_count"] for name in OUTCOMES},
        **{name: row[name] for name in REVIEWED},
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
