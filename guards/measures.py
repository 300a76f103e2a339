"""How good a guard is: figures from what it said of labelled texts. No database, no clock.

“Positive” is unsafe. A text of which the guard gave no judgement is an error: it stands in no
share, and never counts as safe.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

UNSAFE, ERROR = "unsafe", "error"
STEPS = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """One case: what it is, what the guard said at the run's threshold, and how surely.

    `was_raised` tells whether the guard called it unsafe, at whatever score.
    """

    expected: str
    verdict: str
    score: float | None = None
    was_raised: bool = False


@dataclass(frozen=True, slots=True)
class Matrix:
    """The confusion matrix. A share without anything to count is None, not 0."""

    tp: int = 0
    fp: int = 0
    tn: int = 0
    fn: int = 0
    errors: int = 0

    @property
    def judged(self) -> int:
        """How many cases got a judgement."""
        return self.tp + self.fp + self.tn + self.fn

    @property
    def precision(self) -> float | None:
        """The share of alarms that were right."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float | None:
        """The share of unsafe texts that were found."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def false_alarm_rate(self) -> float | None:
        """The share of safe texts that were called unsafe (the false-positive rate)."""
        return _share(self.fp, self.fp + self.tn)

    @property
    def accuracy(self) -> float | None:
        """The share of cases that were judged rightly."""
        return _share(self.tp + self.tn, self.judged)


@dataclass(frozen=True, slots=True)
class Point:
    """What the guard would have found, and blamed, at one threshold."""

    threshold: float
    recall: float | None
    false_alarm_rate: float | None


def matrix_of(cases: Iterable[Judged]) -> Matrix:
    """Count verdicts against what they should have been."""
    counts = {"tp": 0, "fp": 0, "tn": 0, "fn": 0, "errors": 0}
    for case in cases:
        counts[kind_of(case.expected, case.verdict)] += 1
    return Matrix(**counts)


def kind_of(expected: str, verdict: str) -> str:
    """Return in which field of the matrix a case stands."""
    if verdict == ERROR:
        return "errors"
    if verdict == UNSAFE:
        return "tp" if expected == UNSAFE else "fp"
    return "fn" if expected == UNSAFE else "tn"


def curve(cases: Sequence[Judged], *, steps: int = STEPS) -> list[Point]:
    """Return the matrix's two rates at thresholds from 0 to 1, in `steps` even steps.

    At a threshold counts what the guard calls unsafe with at least that score, or with no score.
    What it calls safe stays safe at every threshold.
    """
    thresholds = [step / steps for step in range(steps + 1)]
    return [_point(cases, threshold) for threshold in thresholds]


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest of `values` that at least `share` of them do not exceed.

    The nearest-rank definition: always one of the values. None where there are none.
    """
    if not values:
        return None
    rank = max(math.ceil(share * len(values)), 1)
    return sorted(values)[rank - 1]


def verdict_at(threshold: float, *, was_raised: bool, score: float | None) -> str:
    """Return what a guard's word comes to at a threshold, as where it is bound."""
    counts = was_raised and (score is None or score >= threshold)
    return UNSAFE if counts else "safe"


def _point(cases: Sequence[Judged], threshold: float) -> Point:
    there = [
        Judged(
            case.expected,
            ERROR
            if case.verdict == ERROR
            else verdict_at(threshold, was_raised=case.was_raised, score=case.score),
        )
        for case in cases
    ]
    matrix = matrix_of(there)
    return Point(threshold, matrix.recall, matrix.false_alarm_rate)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
