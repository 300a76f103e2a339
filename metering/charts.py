"""The charts of statistics."""

from collections.abc import Callable

from metering.statistics import Statistics, Totals
from restai_site.ui.charts import Chart, Series, chart_over, whole
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
    return chart_over(
        statistics.period, "requests", "Requests", summary, series=series, show=whole, stacked=True
    )


def _tokens_chart(statistics: Statistics) -> Chart:
    series = [
        _series(statistics, "Input", lambda one: one.prompt_tokens, "one"),
        _series(statistics, "Output", lambda one: one.completion_tokens, "two"),
    ]
    summary = f"{compact(statistics.totals.tokens)} in {statistics.period.label}"
    return chart_over(
        statistics.period, "tokens", "Tokens", summary, series=series, show=whole, stacked=True
    )


def _cost_chart(statistics: Statistics) -> Chart:
    series = [_series(statistics, "Cost", lambda one: float(one.cost), "one")]
    summary = f"{money(statistics.totals.cost)} in {statistics.period.label}"
    return chart_over(
        statistics.period, "cost", "Cost", summary, series=series, show=money, unit="$"
    )


def _latency_chart(statistics: Statistics) -> Chart:
    series = [
        _series(statistics, "Median", lambda one: one.latency_p50, "one"),
        _series(statistics, "95th percentile", lambda one: one.latency_p95, "two"),
        Series("First token", statistics.first_token, "three"),
    ]
    summary = f"half within {milliseconds(statistics.totals.latency_p50)}"
    return chart_over(
        statistics.period,
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
