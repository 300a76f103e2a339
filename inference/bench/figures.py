"""The figures of runs, from their results."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, IntegerField, QuerySet, Sum, Value, When

from guards.measures import Judged, Matrix, Point, curve, matrix_of, quantile
from guards.models import GuardResult, GuardRun


@dataclass(frozen=True, slots=True)
class Figures:
    """How good the guard of a run was, as far as the run has come."""

    matrix: Matrix
    points: list[Point]


def matrix_of_run(run: GuardRun) -> Matrix:
    """Return the confusion matrix that the run has kept."""
    return Matrix(run.tp, run.fp, run.tn, run.fn, run.errors)


def figures_of(run: GuardRun) -> Figures:
    """Return matrix and threshold curve, from the results. One query."""
    judged = judged_in(GuardResult.objects.filter(run=run))
    return Figures(matrix_of(judged), curve(judged))


def judged_in(results: QuerySet[GuardResult]) -> list[Judged]:
    """Return results as the measures take them. One query."""
    rows = results.values_list("case__expected", "verdict", "score", "was_raised")
    return [Judged(*row) for row in rows]


def totals_of(run_id: int) -> dict[str, Any]:
    """Return the totals of a run's results by the fields of `GuardRun`. Two queries."""
    results = GuardResult.objects.filter(run_id=run_id)
    matrix = matrix_of(judged_in(results))
    times = sorted(results.values_list("latency_ms", flat=True))
    sums = results.aggregate(tokens=Sum("tokens"), cost=Sum("cost"))
    return {
        **{name: getattr(matrix, name) for name in ("tp", "fp", "tn", "fn", "errors")},
        "done": len(times),
        "tokens": sums["tokens"] or 0,
        "cost": sums["cost"] or Decimal(0),
        "latency_p50_ms": quantile(times, 0.5),
        "latency_p95_ms": quantile(times, 0.95),
    }


def misses(run: GuardRun) -> QuerySet[GuardResult]:
    """Return what was judged wrongly, with its texts: missed first, then false alarms, errors."""
    kind = Case(
        When(verdict="error", then=Value(2)),
        When(case__expected="unsafe", then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return (
        GuardResult.objects.filter(run=run)
        .exclude(verdict=F("case__expected"))
        .select_related("case")
        .annotate(kind=kind)
        .order_by("kind", "case__position")
    )


@dataclass(frozen=True, slots=True)
class Changed:
    """A case on which two runs of a set differ."""

    first: GuardResult
    second: GuardResult

    @property
    def is_better(self) -> bool:
        """Whether the second run is right where the first was not."""
        return self.second.is_right and not self.first.is_right

    @property
    def is_worse(self) -> bool:
        """Whether the second run is wrong where the first was right."""
        return self.first.is_right and not self.second.is_right


def changed_between(first: GuardRun, second: GuardRun) -> list[Changed]:
    """Return the cases with different verdicts, in order. Two queries, texts of the changed alone.

    Cases that only one run has judged are left out.
    """
    verdicts = {
        run.pk: dict(GuardResult.objects.filter(run=run).values_list("case_id", "verdict"))
        for run in (first, second)
    }
    one, other = verdicts[first.pk], verdicts[second.pk]
    differing = [case for case in one.keys() & other.keys() if one[case] != other[case]]
    rows: Iterable[GuardResult] = (
        GuardResult.objects.filter(run__in=[first, second], case_id__in=differing)
        .select_related("case")
        .order_by("case__position")
    )
    found: dict[int, dict[int, GuardResult]] = {}
    for row in rows:
        found.setdefault(row.case_id, {})[row.run_id] = row
    return [Changed(pair[first.pk], pair[second.pk]) for pair in found.values() if len(pair) == 2]
