"""Use over time: totals, series and the leaders, each in one query over the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import Aggregate, Avg, Count, FloatField, Q, QuerySet, Sum
from django.db.models.functions import Trunc
from django.utils import timezone

from metering.models import UsageRecord
from restai_site.ui.charts import Chart, Series
from restai_site.ui.templatetags.ui import compact, milliseconds, money

LEADERS = 5
FAILURES = (UsageRecord.Outcome.PROVIDER_ERROR, UsageRecord.Outcome.TIMEOUT)


class Percentile(Aggregate):
    """PostgreSQL's percentile_cont: the value below which a fraction of the rows lies."""

    function = "percentile_cont"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()

    def __init__(self, expression: str, fraction: float) -> None:
        super().__init__(expression, fraction=fraction)


@dataclass(frozen=True)
class Period:
    """A stretch of time up to now, cut into buckets."""

    key: str
    label: str
    bucket: str
    step: timedelta
    count: int

    @property
    def starts(self) -> datetime:
        """The beginning of the first bucket, so that the first bar is whole."""
        return self.buckets[0]

    @cached_property
    def buckets(self) -> list[datetime]:
        now = timezone.now()
        last = now.replace(minute=0, second=0, microsecond=0)
        if self.bucket == "day":
            last = last.replace(hour=0)
        return [last - self.step * back for back in range(self.count - 1, -1, -1)]

    def name(self, moment: datetime) -> str:
        return f"{moment:%H:%M}" if self.bucket == "hour" else f"{moment.day} {moment:%b}"

    @property
    def bucket_label(self) -> str:
        return "Hour" if self.bucket == "hour" else "Day"


DEFAULT_PERIOD = "30d"
_CHOICES = (("7d", "7 days", 7), ("30d", "30 days", 30), ("90d", "90 days", 90))


def periods() -> list[Period]:
    """Return what a page offers to choose from, measured from now."""
    hours = Period("24h", "24 hours", "hour", timedelta(hours=1), 24)
    days = [Period(key, name, "day", timedelta(days=1), count) for key, name, count in _CHOICES]
    return [hours, *days]


def period_of(key: str) -> Period:
    """Return the period with this key, or the usual one."""
    by_key = {period.key: period for period in periods()}
    return by_key.get(key, by_key[DEFAULT_PERIOD])


@dataclass(frozen=True)
class Totals:
    """Sums over a period."""

    requests: int
    failures: int
    tokens: int
    cost: Decimal
    latency_p50: float | None
    latency_p95: float | None


class Statistics:
    """Use within one period. `records` has been narrowed to what the actor may see."""

    def __init__(self, records: QuerySet[UsageRecord], period: Period) -> None:
        self.period = period
        self._records = records.filter(created_at__gte=period.starts)

    @cached_property
    def totals(self) -> Totals:
        row = self._records.aggregate(
            requests=Count("pk"),
            failures=Count("pk", filter=Q(outcome__in=FAILURES)),
            prompt=Sum("prompt_tokens", default=0),
            completion=Sum("completion_tokens", default=0),
            cost=Sum("cost", default=Decimal(0)),
            p50=Percentile("latency_ms", 0.5),
            p95=Percentile("latency_ms", 0.95),
        )
        return Totals(
            requests=row["requests"],
            failures=row["failures"],
            tokens=row["prompt"] + row["completion"],
            cost=row["cost"],
            latency_p50=row["p50"],
            latency_p95=row["p95"],
        )

    @cached_property
    def _by_bucket(self) -> list[dict[str, Any]]:
        found = (
            self._records.annotate(bucket=Trunc("created_at", self.period.bucket))
            .values("bucket")
            .annotate(
                requests=Count("pk"),
                failures=Count("pk", filter=Q(outcome__in=FAILURES)),
                prompt=Sum("prompt_tokens"),
                completion=Sum("completion_tokens"),
                spent=Sum("cost"),
                average=Avg("latency_ms"),
                p95=Percentile("latency_ms", 0.95),
                first=Avg("first_token_ms"),
            )
        )
        rows: dict[datetime, dict[str, Any]] = {row["bucket"]: dict(row) for row in found}
        return [rows.get(bucket, {}) for bucket in self.period.buckets]

    def _values(self, name: str, empty: float | None = 0) -> list[float | None]:
        values = [row.get(name) for row in self._by_bucket]
        return [empty if value is None else float(value) for value in values]

    @property
    def charts(self) -> list[Chart]:
        return [self.requests_chart, self._tokens_chart, self._cost_chart, self._latency_chart]

    @property
    def requests_chart(self) -> Chart:
        failures = self._values("failures")
        all_requests = self._values("requests")
        good = [(a or 0) - (f or 0) for a, f in zip(all_requests, failures, strict=True)]
        summary = (
            f"{self.totals.requests:,} in {self.period.label}, {self.totals.failures:,} failed"
        )
        series = [Series("Answered", good, "one"), Series("Failed", failures, "bad")]
        return self._chart(
            "requests", "Requests", summary, "bar", series=series, show=_count, stacked=True
        )

    @property
    def _tokens_chart(self) -> Chart:
        series = [
            Series("Input", self._values("prompt"), "one"),
            Series("Output", self._values("completion"), "two"),
        ]
        summary = f"{compact(self.totals.tokens)} in {self.period.label}"
        return self._chart(
            "tokens", "Tokens", summary, "bar", series=series, show=_count, stacked=True
        )

    @property
    def _cost_chart(self) -> Chart:
        series = [Series("Cost", self._values("spent"), "one")]
        summary = f"{money(self.totals.cost)} in {self.period.label}"
        return self._chart("cost", "Cost", summary, "bar", series=series, show=money, unit="$")

    @property
    def _latency_chart(self) -> Chart:
        series = [
            Series("Average", self._values("average", None), "one"),
            Series("95th percentile", self._values("p95", None), "two"),
            Series("First token", self._values("first", None), "three"),
        ]
        summary = f"half within {milliseconds(self.totals.latency_p50)}"
        return self._chart(
            "latency", "Latency", summary, "line", series=series, show=milliseconds, unit="ms"
        )

    def _chart(
        self,
        key: str,
        title: str,
        summary: str,
        kind: str,
        *,
        series: Sequence[Series],
        show: Any,
        **more: Any,
    ) -> Chart:
        labels = [self.period.name(bucket) for bucket in self.period.buckets]
        return Chart(
            f"chart-{key}",
            title,
            summary,
            kind,
            labels,
            series,
            show,
            bucket_label=self.period.bucket_label,
            **more,
        )

    def leaders(self, *by: str) -> list[dict[str, Any]]:
        """Return the LEADERS groups of rows, by the fields `by`, that cost the most."""
        groups = self._records.values(*by).annotate(
            requests=Count("pk"),
            tokens=Sum("prompt_tokens") + Sum("completion_tokens"),
            spent=Sum("cost"),
        )
        return list(groups.order_by("-spent", "-requests")[:LEADERS])


def _count(value: float | None) -> str:
    return f"{value or 0:,.0f}"
