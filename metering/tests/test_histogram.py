"""Percentiles from buckets: close to the true ones, and the same however they were added up."""

import random
from collections import Counter

import pytest
from django.db import connection

from metering.histogram import BUCKET, GROWTH, RELATIVE_ERROR, percentile, value_of

HOUR_IN_MILLISECONDS = 3_600_000
FRACTIONS = (0.0, 0.05, 0.5, 0.9, 0.95, 0.99, 1.0)


def buckets_of(values):
    """Return the bucket of each value, as the database tells it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {BUCKET} FROM unnest(%s::integer[]) AS latency_ms",  # noqa: S608
            [list(values)],
        )
        return [bucket for (bucket,) in cursor.fetchall()]


def test_every_value_lies_within_the_error_of_its_bucket(db):
    values = [*range(1, 5000), *range(5000, HOUR_IN_MILLISECONDS, 4999)]
    for value, bucket in zip(values, buckets_of(values), strict=True):
        assert abs(value_of(bucket) - value) <= RELATIVE_ERROR * value * 1.000001
    assert RELATIVE_ERROR < 0.05


def test_buckets_are_few_and_the_longest_calls_have_one(db):
    assert buckets_of([0, 1, 2, HOUR_IN_MILLISECONDS, 2**31 - 1]) == [0, 0, 8, 159, 226]


@pytest.mark.parametrize("seed", range(10))
def test_percentiles_are_those_of_the_values_within_the_error(db, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable
    values = sorted(
        max(1, round(chance.lognormvariate(chance.uniform(1, 9), chance.uniform(0.1, 2))))
        for _ in range(chance.randrange(1, 400))
    )
    counts = Counter(buckets_of(values))
    for fraction in FRACTIONS:
        true = values[int(fraction * (len(values) - 1))]
        assert percentile(counts, fraction) == pytest.approx(true, rel=0.05)


def test_histograms_that_are_added_up_are_those_of_all_values(db):
    chance = random.Random(4)  # noqa: S311 - repeatable
    parts = [[chance.randrange(1, 10_000) for _ in range(50)] for _ in range(8)]
    added = Counter()
    for part in parts:
        added.update(buckets_of(part))
    assert added == Counter(buckets_of([value for part in parts for value in part]))


def test_of_nothing_there_is_no_percentile():
    assert percentile({}, 0.5) is None


def test_one_value_is_every_percentile():
    assert {percentile({10: 1}, fraction) for fraction in FRACTIONS} == {value_of(10)}
    assert GROWTH > 1
