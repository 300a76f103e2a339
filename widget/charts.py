"""The charts of a widget's numbers."""

from collections.abc import Callable

from django.template.defaultfilters import pluralize

from restai_site.ui.charts import Chart, Series, chart_over, whole
from restai_site.ui.templatetags.ui import money
from widget.numbers import Counts, Numbers


def charts_of(numbers: Numbers) -> list[Chart]:
    """Return the charts: who came, what was said, and what it cost."""
    return [draw(numbers) for draw in (_visits, _messages, _cost)]


def _visits(numbers: Numbers) -> Chart:
    totals, label = numbers.totals, numbers.period.label
    series = [
        _series(numbers, "New visitors", lambda one: one.new_visitors, "one"),
        _series(numbers, "Conversations", lambda one: one.conversations, "two"),
    ]
    new, begun = totals.new_visitors, totals.conversations
    visitors = f"{new:,} new visitor{pluralize(new)}"
    summary = f"{visitors}, {begun:,} conversation{pluralize(begun)} in {label}"
    return chart_over(numbers.period, "visits", "Visits", summary, series=series, show=whole)


def _messages(numbers: Numbers) -> Chart:
    totals = numbers.totals
    series = [
        _series(numbers, "Answered", _answered, "one"),
        _series(numbers, "Not answered", lambda one: one.unanswered, "bad"),
    ]
    # What is rare would only be another word under the chart.
    if totals.blocked:
        series.append(_series(numbers, "Blocked by a guard", lambda one: one.blocked, "three"))
    summary = f"{totals.messages:,} in {numbers.period.label}, {totals.unanswered:,} not answered"
    return chart_over(
        numbers.period, "messages", "Messages", summary, series=series, show=whole, stacked=True
    )


def _cost(numbers: Numbers) -> Chart:
    series = [_series(numbers, "Cost", lambda one: float(one.cost), "one")]
    summary = f"{money(numbers.totals.cost)} in {numbers.period.label}"
    return chart_over(numbers.period, "cost", "Cost", summary, series=series, show=money, unit="$")


def _answered(counts: Counts) -> int:
    return counts.messages - counts.unanswered - counts.blocked


def _series(numbers: Numbers, label: str, value: Callable[[Counts], float], tone: str) -> Series:
    return Series(label, [value(counts) for _, counts in numbers.series], tone)
