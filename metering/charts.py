"""The charts of statistics."""

from collections.abc import Callable, Sequence
from typing import Any

from metering.statistics import Statistics, Totals
from restai_site.ui.charts import Chart, Series
from restai_site.ui.templatetags.ui import compact, milliseconds, money


def charts_of(statistics: Statistics) -> list[Chart]:
    """Return the four charts of a page of statistics."""
    parts = (requests_chart, _tokens_chart, _cost_chart, _latency_chart)
    return [draw(statistics) for draw in parts]


def requests_chart(statistics: Statistics) -> Chart:
    """Return how many calls there were, and how they ended."""
    totals = statistics.totals
    series = [
        _series(statistics, "Answered", lambda one: one.completed, "one"),
        _series(statistics, "Failed", lambda one: one.failures, "bad"),
    ]
    # What is rare would only be another word under the chart.
    if totals.cancelled:
        series.append(_series(statistics, "Stopped", lambda one: one.cancelled, "two"))
    if totals.blocked:
        series.append(_series(statistics, "Blocked by a guard", lambda one: one.blocked, "three"))
    summary = f"{totals.requests:,} in {statistics.period.label}, {totals.failures:,} failed"
    return _chart(
        statistics, "requests", "Requests", summary, series=series, show=_count, stacked=True
    )


def _tokens_chart(statistics: Statistics) -> Chart:
    series = [
        _series(statistics, "Input", lambda one: one.prompt_tokens, "one"),
        _series(statistics, "Output", lambda one: one.completion_tokens, "two"),
    ]
    summary = f"{compact(statistics.totals.tokens)} in {statistics.period.label}"
    return _chart(statistics, "tokens", "Tokens", summary, series=series, show=_count, stacked=True)


def _cost_chart(statistics: Statistics) -> Chart:
    series = [_series(statistics, "Cost", lambda one: float(one.cost), "one")]
    summary = f"{money(statistics.totals.cost)} in {statistics.period.label}"
    return _chart(statistics, "cost", "Cost", summary, series=series, show=money, unit="$")


def _latency_chart(statistics: Statistics) -> Chart:
    series = [
        _series(statistics, "Median", lambda one: one.latency_p50, "one"),
        _series(statistics, "95th percentile", lambda one: one.latency_p95, "two"),
        Series("First token", statistics.first_token, "three"),
    ]
    summary = f"half within {milliseconds(statistics.totals.latency_p50)}"
    return _chart(
        statistics,
        "latency",
        "Latency",
        summary,
        series=series,
        show=milliseconds,
        kind="line",
        unit="ms",
    )


def _series(
    statistics: Statistics, label: str, value: Callable[[Totals], float | None], tone: str
) -> Series:
    return Series(label, [value(totals) for _, totals in statistics.series], tone)


def _chart(
    statistics: Statistics,
    key: str,
    title: str,
    summary: str,
    *,
    series: Sequence[Series],
    show: Callable[[Any], str],
    kind: str = "bar",
    **more: Any,
) -> Chart:
    period = statistics.period
    labels = [period.name(bucket) for bucket in period.buckets]
    return Chart(
        f"chart-{key}",
        title,
        summary,
        kind,
        labels,
        series,
        show,
        bucket_label=period.bucket_label,
        **more,
    )


def _count(value: float | None) -> str:
    return f"{value or 0:,.0f}"
