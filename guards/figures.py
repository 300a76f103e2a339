"""The tiles and charts of a page of guards' figures."""

from collections.abc import Callable

from guards.statistics import Statistics, Totals
from metering.comparisons import Change, Figure, change_in_points, change_of
from restai_site.ui.charts import Chart, chart_over, series_over, whole
from restai_site.ui.templatetags.ui import compact, milliseconds, share

NOT_ENOUGH = "not enough reviews"


def figures_of(statistics: Statistics) -> list[Figure]:
    """Return the tiles: outcomes, latency, and what reviews say."""
    now, before = statistics.totals, statistics.previous
    label = statistics.period.label

    def counted(name: str, detail: str, value: Callable[[Totals], int]) -> Figure:
        change = change_of(value(now), value(before), show=compact, period=label)
        return Figure(name, compact(value(now)), detail, change)

    return [
        counted("Checked", f"{compact(now.passed)} passed", lambda one: one.checked),
        Figure(
            "Blocked",
            compact(now.blocked),
            f"{share(now.block_rate)} of all checks",
            change_in_points(now.block_rate, before.block_rate, period=label),
        ),
        counted("Redacted", "masked, then passed on", lambda one: one.redacted),
        counted("Warned", "passed on, with a flag", lambda one: one.warned),
        counted(
            "Without a judgement",
            f"{compact(now.failed_closed)} blocked, {compact(now.failed_open)} let through",
            lambda one: one.failed,
        ),
        Figure(
            "Latency",
            milliseconds(now.latency_p50),
            f"{milliseconds(now.latency_p95)} at the 95th percentile",
            change_of(now.latency_p50, before.latency_p50, show=milliseconds, period=label),
        ),
        *_reviewed(now, before, label),
    ]


def _reviewed(now: Totals, before: Totals, label: str) -> list[Figure]:
    blocks = now.right_blocks + now.wrong_blocks
    right = now.right_findings + now.wrong_passes
    return [
        Figure(
            "Precision",
            share(now.precision),
            f"{now.right_blocks:,} of {blocks:,} reviewed blocks were right"
            if blocks
            else NOT_ENOUGH,
            _change(now.precision, before.precision, label),
        ),
        Figure(
            "Recall",
            share(now.recall),
            f"{now.right_findings:,} of {right:,} reviewed were found" if right else NOT_ENOUGH,
            _change(now.recall, before.recall, label),
        ),
    ]


def _change(now: float | None, before: float | None, label: str) -> Change | None:
    return change_in_points(now, before, period=label)


def charts_of(statistics: Statistics) -> list[Chart]:
    """Return the charts: all checks, what was found, the block rate, latency."""
    return [draw(statistics) for draw in (_checks, _found, _rate, _latency)]


def _checks(statistics: Statistics) -> Chart:
    points = statistics.series
    series = [
        series_over(points, "Passed", lambda one: one.passed, "one"),
        series_over(points, "Found something", lambda one: one.found, "bad"),
        series_over(points, "Without a judgement", lambda one: one.failed, "three"),
    ]
    summary = f"{statistics.totals.checked:,} in {statistics.period.label}"
    return chart_over(
        statistics.period, "checks", "Checks", summary, series=series, show=whole, stacked=True
    )


def _found(statistics: Statistics) -> Chart:
    points = statistics.series
    series = [
        series_over(points, "Blocked", lambda one: one.blocked, "bad"),
        series_over(points, "Redacted", lambda one: one.redacted, "two"),
        series_over(points, "Warned", lambda one: one.warned, "one"),
    ]
    # What is rare would only be another word under the chart.
    if statistics.totals.failed:
        failed = series_over(
            statistics.series, "Without a judgement", lambda one: one.failed, "three"
        )
        series.append(failed)
    summary = f"{statistics.totals.found:,} in {statistics.period.label}"
    return chart_over(
        statistics.period, "found", "Findings", summary, series=series, show=whole, stacked=True
    )


def _rate(statistics: Statistics) -> Chart:
    points = statistics.series
    series = [series_over(points, "Block rate", lambda one: one.block_rate, "bad")]
    summary = f"{share(statistics.totals.block_rate)} of all checks"
    return chart_over(
        statistics.period,
        "rate",
        "Block rate",
        summary,
        series=series,
        show=share,
        kind="line",
        unit="%",
    )


def _latency(statistics: Statistics) -> Chart:
    points = statistics.series
    series = [
        series_over(points, "Median", lambda one: one.latency_p50, "one"),
        series_over(points, "95th percentile", lambda one: one.latency_p95, "two"),
    ]
    summary = f"half within {milliseconds(statistics.totals.latency_p50)}"
    return chart_over(
        statistics.period,
        "latency",
        "Latency of guards",
        summary,
        series=series,
        show=milliseconds,
        kind="line",
        unit="ms",
    )
