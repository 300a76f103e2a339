"""The charts of statistics."""

from metering.statistics import Statistics
from restai_site.ui.charts import Chart, Series, chart_over, series_over, whole
from restai_site.ui.templatetags.ui import compact, milliseconds, money


def charts_of(statistics: Statistics) -> list[Chart]:
    """Return the four charts of a page of statistics."""
    parts = (requests_chart, _tokens_chart, _cost_chart, _latency_chart)
    return [draw(statistics) for draw in parts]


def requests_chart(statistics: Statistics) -> Chart:
    """Return how many calls there were, and how they ended."""
    points = statistics.series
    totals = statistics.totals
    series = [
        series_over(points, "Answered", lambda one: one.completed, "one"),
        series_over(points, "Failed", lambda one: one.failures, "bad"),
    ]
    # What is rare would only be another word under the chart.
    if totals.cancelled:
        series.append(series_over(points, "Stopped", lambda one: one.cancelled, "two"))
    if totals.blocked:
        series.append(series_over(points, "Blocked by a guard", lambda one: one.blocked, "three"))
    summary = f"{totals.requests:,} in {statistics.period.label}, {totals.failures:,} failed"
    return chart_over(
        statistics.period, "requests", "Requests", summary, series=series, show=whole, stacked=True
    )


def _tokens_chart(statistics: Statistics) -> Chart:
    points = statistics.series
    series = [
        series_over(points, "Input", lambda one: one.prompt_tokens, "one"),
        series_over(points, "Output", lambda one: one.completion_tokens, "two"),
    ]
    summary = f"{compact(statistics.totals.tokens)} in {statistics.period.label}"
    return chart_over(
        statistics.period, "tokens", "Tokens", summary, series=series, show=whole, stacked=True
    )


def _cost_chart(statistics: Statistics) -> Chart:
    points = statistics.series
    series = [series_over(points, "Cost", lambda one: float(one.cost), "one")]
    summary = f"{money(statistics.totals.cost)} in {statistics.period.label}"
    return chart_over(
        statistics.period, "cost", "Cost", summary, series=series, show=money, unit="$"
    )


def _latency_chart(statistics: Statistics) -> Chart:
    points = statistics.series
    series = [
        series_over(points, "Median", lambda one: one.latency_p50, "one"),
        series_over(points, "95th percentile", lambda one: one.latency_p95, "two"),
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
