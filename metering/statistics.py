"""Use over time: totals, with those of the period before, and series, read from the roll-ups."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, Sum
from django.db.models.functions import Trunc

from metering import histogram
from metering.models import RollupState
from metering.models.rollups import SUMS
from metering.querysets import RollupQuerySet
from metering.scope import Scope
from metering.spans import Period, covering, day_of

Histograms = dict[datetime, Counter[int]]
Row = Mapping[str, Any]
# Of each bucket, how many calls are in each class of latency.
LATENCY = """
    SELECT date_trunc(%s, starts_at, 'UTC'), bucket, sum(calls)::bigint
    FROM ({rows}) AS rollup, unnest(latency_buckets, latency_counts) AS counted (bucket, calls)
    GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Totals:
    """Sums over a stretch of time. Costs are in US dollars, latency in milliseconds.

    Latency is that of completed calls; failures are what providers and we did wrong.
    """

    requests: int = 0
    completed: int = 0
    failures: int = 0
    cancelled: int = 0
    blocked: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    latency_p50: float | None = None
    latency_p95: float | None = None

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def error_rate(self) -> float | None:
        """The share of calls that failed, from 0 to 1; None where there were none."""
        return self.failures / self.requests if self.requests else None


class Statistics:
    """Use within one period and the one before. Three queries, whatever is asked of it."""

    def __init__(self, scope: Scope, period: Period) -> None:
        self.scope = scope
        self.period = period
        self.state = RollupState.objects.first() or RollupState()

    @property
    def as_of(self) -> datetime | None:
        """Until when calls are counted."""
        return self.state.rolled_until

    def covered(self, *, by_windows: bool = False) -> Q:
        """Return the condition for the rows of the period."""
        period = self.period
        return covering(
            period.starts,
            period.ends,
            bucket=period.bucket,
            days_until=self._days_until,
            windows=by_windows and self.state.windows_until == self._days_until,
        )

    @property
    def _days_until(self) -> datetime:
        return self.state.days_until or day_of(self.period.now)

    @cached_property
    def _rows(self) -> RollupQuerySet:
        period = self.period
        before = covering(
            period.previous_starts,
            period.previous_ends,
            bucket=period.bucket,
            days_until=self._days_until,
        )
        return self.scope.rows().filter(before | self.covered())

    @cached_property
    def _sums(self) -> dict[datetime, Row]:
        grouped = self._rows.values(at=Trunc("starts_at", self.period.bucket))
        found: Iterable[Row] = grouped.annotate(**{f"all_{name}": Sum(name) for name in SUMS})
        return {row["at"]: {name: row[f"all_{name}"] for name in SUMS} for row in found}

    @cached_property
    def _histograms(self) -> Histograms:
        wanted = self._rows.values("starts_at", "latency_buckets", "latency_counts")
        try:
            sql, parameters = wanted.query.sql_with_params()
        except EmptyResultSet:
            return {}
        found: Histograms = {}
        with connection.cursor() as cursor:
            cursor.execute(LATENCY.format(rows=sql), [self.period.bucket, *parameters])
            for moment, bucket, calls in cursor:
                found.setdefault(moment, Counter())[bucket] = calls
        return found

    @cached_property
    def totals(self) -> Totals:
        return self._total(self.period.starts, self.period.ends)

    @cached_property
    def previous(self) -> Totals:
        """The same, of as long a time before."""
        return self._total(self.period.previous_starts, self.period.starts)

    def _total(self, starts: datetime, ends: datetime) -> Totals:
        within = [moment for moment in self._sums if starts <= moment < ends]
        sums = [self._sums[moment] for moment in within]
        counts: Counter[int] = Counter()
        for moment in within:
            counts.update(self._histograms.get(moment, {}))
        return _totals(sums, counts)

    @cached_property
    def series(self) -> list[tuple[datetime, Totals]]:
        """The sums of each bucket, those without calls too."""
        empty: Counter[int] = Counter()
        return [
            (moment, _totals([self._sums[moment]], self._histograms.get(moment, empty)))
            if moment in self._sums
            else (moment, Totals())
            for moment in self.period.buckets
        ]

    @cached_property
    def first_token(self) -> list[float | None]:
        """The average time to the first token, of each bucket, in milliseconds."""
        rows = [self._sums.get(moment) for moment in self.period.buckets]
        return [
            row["first_token_sum"] / row["first_token_count"]
            if row and row["first_token_count"]
            else None
            for row in rows
        ]


def _totals(rows: Sequence[Row], counts: Counter[int]) -> Totals:
    def total(name: str) -> int:
        return int(sum(row[name] for row in rows))

    return Totals(
        requests=total("requests"),
        completed=total("completed"),
        failures=total("failures"),
        cancelled=total("cancelled"),
        blocked=total("blocked"),
        prompt_tokens=total("prompt_tokens"),
        completion_tokens=total("completion_tokens"),
        cost=sum((row["cost"] for row in rows), Decimal(0)),
        latency_p50=histogram.percentile(counts, 0.5),
        latency_p95=histogram.percentile(counts, 0.95),
    )
