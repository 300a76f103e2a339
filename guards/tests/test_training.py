"""The training on a few texts of our own: what it computes, not how good it is."""

import numpy as np
import pytest

from guards.detectors import classifier, features
from guards.training import evaluation, model, train
from guards.training.sources import BENIGN, INJECTION, OWN, Sample

LINES = [
    (line, label)
    for label in (BENIGN, INJECTION)
    for line in (OWN / f"{label}.txt").read_text().splitlines()[:60]
]
SAMPLES = [
    Sample(features.cleaned(line), label, "even" if number % 2 else "odd")
    for number, (line, label) in enumerate(LINES)
]


@pytest.fixture(scope="module")
def part():
    return evaluation.data(SAMPLES, model.vectors([one.text for one in SAMPLES]), INJECTION)


def test_rows_have_length_one(part):
    matrix = part.vectors.weighted(part.vectors.idf())
    assert np.allclose(np.sqrt(matrix.multiply(matrix).sum(axis=1)), 1)


def test_the_server_computes_what_the_training_computed(part):
    """The quantised weights in numpy against the exact ones in scipy."""
    idf = part.vectors.idf()
    weights, bias = model.fitted(part.vectors.weighted(idf), part.hostile, part.sources)
    exact = part.vectors.weighted(idf) @ weights + bias
    quantised, step = model.quantised(weights)
    head = classifier.Head(quantised, float(step), bias, (1.0, 0.0))
    served = classifier.Model(idf.astype(np.float32), {INJECTION: head})
    for sample, result in zip(SAMPLES, exact, strict=True):
        score = classifier._window_scores(served, sample.text)[INJECTION]
        assert score == pytest.approx(head.score(result), abs=0.02)


def test_the_same_texts_give_the_same_bytes(part, tmp_path):
    for name in ("one", "two"):
        idf = part.vectors.idf()
        weights, _ = model.fitted(part.vectors.weighted(idf), part.hostile, part.sources)
        model.save(tmp_path / name, {"weights": model.quantised(weights)[0]})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_saved_arrays_are_read_by_numpy(tmp_path):
    model.save(tmp_path / "file.npz", {"a": np.arange(5, dtype=np.int8)})
    with np.load(tmp_path / "file.npz", allow_pickle=False) as file:
        assert file["a"].tolist() == [0, 1, 2, 3, 4]


def test_scores_of_unseen_sources_come_from_models_without_them(part):
    scores = evaluation.unseen(part)
    for source in ("odd", "even"):
        rows = np.flatnonzero(part.sources != source)
        known = part.vectors.rows(rows)
        weights, bias = model.fitted(
            known.weighted(known.idf()), part.hostile[rows], part.sources[rows]
        )
        left_out = np.flatnonzero(part.sources == source)
        expected = part.vectors.rows(left_out).weighted(known.idf()) @ weights + bias
        assert np.allclose(scores[left_out], expected)


def test_thresholds_meet_their_rates_with_each_source_counting_alike():
    hostile = np.zeros(300, dtype=bool)
    sources = np.array(["large"] * 200 + ["small"] * 100)
    scores = np.concatenate([np.zeros(200), np.arange(100.0)])
    data = evaluation.Data(None, hostile, sources)
    one, three = evaluation.thresholds(data, scores)
    # Half of the weight is the small one's, so 2 and 6 of its hundred may be blamed.
    assert 1 <= (scores > one).sum() <= 2
    assert 5 <= (scores > three).sum() <= 6
    (alone, _) = evaluation.thresholds(data, scores, without=("small",))
    assert alone == 0.0


def test_a_table_has_a_row_for_each_source():
    data = evaluation.Data(
        None, np.array([True, True, False, True]), np.array(["a", "a", "a", "b"])
    )
    first, second = evaluation.table(data, np.array([2.0, 0.0, 3.0, 2.0]), [1.0, -1.0])
    assert (first.source, first.attacks, first.recall) == ("a", 2, (0.5, 1.0))
    assert (first.harmless, first.false_alarms) == (1, (1.0, 1.0))
    assert (second.source, second.attacks, second.recall, second.harmless) == (
        "b",
        1,
        (1.0, 1.0),
        0,
    )


def test_the_training_writes_where_the_server_reads():
    assert train.MODEL == classifier.MODEL
