"""Figures of a period, and what has changed since the one before."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from metering.statistics import Statistics
from restai_site.ui.templatetags.ui import compact, milliseconds, money, share

Number = int | float | Decimal | None
Show = Callable[[Any], str]
UP, DOWN = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}"
# From here on a percentage says less than a factor.
FACTOR_FROM = 10
TIMES, NO_BREAK = "\N{MULTIPLICATION SIGN}", "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Change:
    """What is shown of a change, and what is read out instead."""

    shown: str
    spoken: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One total with what belongs to it."""

    label: str
    value: str
    detail: str
    change: Change | None


def figures_of(statistics: Statistics) -> list[Figure]:
    """Return the totals of a page of statistics."""
    now, before = statistics.totals, statistics.previous
    label = statistics.period.label

    def change(current: Number, former: Number, show: Show) -> Change | None:
        return change_of(current, former, show=show, period=label)

    return [
        Figure(
            "Requests",
            compact(now.requests),
            f"{compact(now.cancelled)} stopped by people",
            change(now.requests, before.requests, compact),
        ),
        Figure(
            "Tokens",
            compact(now.tokens),
            f"{compact(now.prompt_tokens)} in, {compact(now.completion_tokens)} out",
            change(now.tokens, before.tokens, compact),
        ),
        Figure(
            "Cost",
            money(now.cost),
            "at the catalog's prices",
            change(now.cost, before.cost, money),
        ),
        Figure(
            "Latency",
            milliseconds(now.latency_p50),
            f"{milliseconds(now.latency_p95)} at the 95th percentile",
            change(now.latency_p50, before.latency_p50, milliseconds),
        ),
        Figure(
            "Errors",
            share(now.error_rate),
            f"{compact(now.failures)} failed",
            change_in_points(now.error_rate, before.error_rate, period=label),
        ),
        Figure(
            "Guard blocks",
            compact(now.blocked),
            "answers and questions held back",
            change(now.blocked, before.blocked, compact),
        ),
    ]


def change_of(now: Number, before: Number, *, show: Show, period: str) -> Change | None:
    """Return how `now` compares with the value of the period before; None where neither is."""
    if not before:
        return Change("none before", f"None in the {period} before.") if now else None
    former = f"In the {period} before: {show(before)}."
    if now is None:
        return Change(f"from {show(before)}", former)
    ratio = float(now) / float(before)
    if round(ratio * 100) == 100:
        return Change("unchanged", f"Unchanged. {former}")
    word = "more" if ratio > 1 else "less"
    if ratio >= FACTOR_FROM:
        amount, spoken = f"{TIMES}{NO_BREAK}{ratio:,.0f}", f"{ratio:,.0f} times as much"
    else:
        percent = f"{abs(ratio - 1) * 100:.0f}"
        amount, spoken = f"{percent}{NO_BREAK}%", f"{percent} percent {word}"
    arrow = UP if ratio > 1 else DOWN
    return Change(f"{arrow}{NO_BREAK}{amount} from {show(before)}", f"{spoken}. {former}")


def change_in_points(now: float | None, before: float | None, *, period: str) -> Change | None:
    """Return how one share compares with another, in percentage points."""
    if now is None or before is None:
        return None
    former = f"In the {period} before: {share(before)}."
    points = round((now - before) * 100, 1)
    if not points:
        return Change("unchanged", f"Unchanged. {former}")
    arrow, word = (UP, "more") if points > 0 else (DOWN, "less")
    amount, unit = f"{abs(points):g}", "point" if abs(points) == 1 else "points"
    shown = f"{arrow}{NO_BREAK}{amount}{NO_BREAK}{unit} from {share(before)}"
    return Change(shown, f"{amount} percentage {unit} {word}. {former}")
