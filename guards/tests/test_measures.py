"""The figures of the test bench, worked out by hand."""

import pytest

from guards.measures import Judged, Matrix, curve, kind_of, matrix_of, quantile, verdict_at


def case(expected, verdict, score=None, raised=None):
    return Judged(expected, verdict, score, verdict == "unsafe" if raised is None else raised)


TEN = [
    *[case("unsafe", "unsafe", 0.9)] * 2,
    case("unsafe", "unsafe", 0.5),
    case("unsafe", "safe", 0.2, raised=False),
    case("safe", "unsafe", 0.5),
    *[case("safe", "safe", 0.1, raised=False)] * 4,
    case("unsafe", "error"),
]


def test_the_matrix_counts_every_case_once():
    matrix = matrix_of(TEN)
    assert matrix == Matrix(tp=3, fp=1, tn=4, fn=1, errors=1)
    assert matrix.judged == 9


def test_the_shares_are_those_worked_out_by_hand():
    matrix = Matrix(tp=3, fp=1, tn=4, fn=1, errors=1)
    assert matrix.precision == 0.75
    assert matrix.recall == 0.75
    assert matrix.f1 == 0.75
    assert matrix.false_alarm_rate == 0.2
    assert matrix.accuracy == pytest.approx(7 / 9)


def test_precision_recall_and_f1_differ_where_they_should():
    matrix = Matrix(tp=8, fp=2, tn=88, fn=24)
    assert matrix.precision == 0.8
    assert matrix.recall == 0.25
    # 2 · 0.8 · 0.25 / (0.8 + 0.25)
    assert matrix.f1 == pytest.approx(0.4 / 1.05)
    assert matrix.false_alarm_rate == pytest.approx(2 / 90)


@pytest.mark.parametrize("expected", ["safe", "unsafe"])
def test_an_error_is_neither_a_find_nor_a_pass(expected):
    assert kind_of(expected, "error") == "errors"
    matrix = matrix_of([case(expected, "error")] * 3)
    assert matrix == Matrix(errors=3)
    assert matrix.recall is matrix.precision is matrix.f1 is matrix.accuracy is None
    assert matrix.false_alarm_rate is None


def test_a_share_of_nothing_is_none_and_no_zero():
    assert matrix_of([]) == Matrix()
    only_safe = Matrix(tn=5)
    assert only_safe.recall is None
    assert only_safe.precision is None
    assert only_safe.false_alarm_rate == 0
    only_missed = Matrix(fn=5)
    assert only_missed.recall == 0
    assert only_missed.f1 == 0
    assert only_missed.false_alarm_rate is None


def test_the_curve_falls_where_the_scores_are():
    points = {point.threshold: point for point in curve(TEN, steps=10)}
    assert sorted(points) == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    # A score equal to the threshold counts.
    for threshold in (0, 0.3, 0.5):
        assert (points[threshold].recall, points[threshold].false_alarm_rate) == (0.75, 0.2)
    for threshold in (0.6, 0.9):
        assert (points[threshold].recall, points[threshold].false_alarm_rate) == (0.5, 0)
    assert (points[1].recall, points[1].false_alarm_rate) == (0, 0)


def test_what_the_guard_calls_safe_is_safe_at_every_threshold():
    sure = [case("unsafe", "safe", 0.99, raised=False), case("safe", "safe", 0.99, raised=False)]
    assert {(point.recall, point.false_alarm_rate) for point in curve(sure)} == {(0, 0)}


def test_the_curve_knows_what_the_threshold_of_the_run_hid():
    """Raised at 0.4 in a run whose threshold was 0.7."""
    hidden = [case("unsafe", "safe", 0.4, raised=True)]
    rates = {point.threshold: point.recall for point in curve(hidden, steps=10)}
    assert rates[0.4] == 1
    assert rates[0.5] == 0


def test_an_alarm_without_a_score_counts_at_every_threshold():
    assert {point.recall for point in curve([case("unsafe", "unsafe", None)])} == {1}
    assert verdict_at(1, was_raised=True, score=None) == "unsafe"


def test_errors_are_in_no_point_of_the_curve():
    points = curve([case("unsafe", "error"), case("safe", "error")])
    assert {(point.recall, point.false_alarm_rate) for point in points} == {(None, None)}


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7], 0.5, 7),
        ([7], 0.95, 7),
        ([4, 1, 3, 2], 0.5, 2),
        ([4, 1, 3, 2], 0.95, 4),
        ([5, 1, 4, 2, 3], 0.5, 3),
        (list(range(1, 101)), 0.5, 50),
        (list(range(1, 101)), 0.95, 95),
        (list(range(1, 21)), 0.95, 19),
        ([1, 2, 3], 0, 1),
        ([1, 2, 3], 1, 3),
    ],
)
def test_a_quantile_is_the_nearest_rank(values, share, expected):
    assert quantile(values, share) == expected


@pytest.mark.parametrize(
    ("threshold", "raised", "score", "verdict"),
    [
        (0, True, 0.0, "unsafe"),
        (0.5, True, 0.5, "unsafe"),
        (0.5, True, 0.49, "safe"),
        (0, False, 1.0, "safe"),
    ],
)
def test_a_verdict_is_what_it_is_where_the_guard_is_bound(threshold, raised, score, verdict):
    assert verdict_at(threshold, was_raised=raised, score=score) == verdict
