"""The charts of a widget's numbers."""

from django.template.defaultfilters import pluralize

from restai_site.ui.charts import Chart, chart_over, series_over, whole
from restai_site.ui.templatetags.ui import money
from widget.numbers import Counts, Numbers


def charts_of(numbers: Numbers) -> list[Chart]:
    """Return the charts: who came, what was said, and what it cost."""
    return [draw(numbers) for draw in (_visits, _messages, _cost)]


def _visits(numbers: Numbers) -> Chart:
    points = numbers.series
    totals, label = numbers.totals, numbers.period.label
    series = [
        series_over(points, "New visitors", lambda one: one.new_visitors, "one"),
        series_over(points, "Conversations", lambda one: one.conversations, "two"),
    ]
    new, begun = totals.new_visitors, totals.conversations
    visitors = f"{new:,} new visitor{pluralize(new)}"
    summary = f"{visitors}, {begun:,} conversation{pluralize(begun)} in {label}"
    return chart_over(numbers.period, "visits", "Visits", summary, series=series, show=whole)


def _messages(numbers: Numbers) -> Chart:
    points = numbers.series
    totals = numbers.totals
    series = [
        series_over(points, "Answered", _answered, "one"),
        series_over(points, "Not answered", lambda one: one.unanswered, "bad"),
    ]
    # What is rare would only be another word under the chart.
    if totals.blocked:
        series.append(series_over(points, "Blocked by a guard", lambda one: one.blocked, "three"))
    summary = f"{totals.messages:,} in {numbers.period.label}, {totals.unanswered:,} not answered"
    return chart_over(
        numbers.period, "messages", "Messages", summary, series=series, show=whole, stacked=True
    )


def _cost(numbers: Numbers) -> Chart:
    points = numbers.series
    series = [series_over(points, "Cost", lambda one: float(one.cost), "one")]
    summary = f"{money(numbers.totals.cost)} in {numbers.period.label}"
    return chart_over(numbers.period, "cost", "Cost", summary, series=series, show=money, unit="$")


def _answered(counts: Counts) -> int:
    return counts.messages - counts.unanswered - counts.blocked
