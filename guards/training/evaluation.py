"""How well the classifier tells attacks from other texts, on sources seen and not seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from guards.training import model
from guards.training.model import Vectors
from guards.training.sources import BENIGN, Sample

FOLDS = 5
FALSE_ALARMS = (0.01, 0.03)
# Sources with fewer harmless texts say too little about false alarms.
BENIGN_ENOUGH = 50
# Their harmless texts were written to resemble attacks.
LOOK_ALIKES = ("own", "bastion")
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Data:
    """Samples of one question: is this `label`, or harmless?"""

    vectors: Vectors
    hostile: NDArray[np.bool_]
    sources: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Row:
    """One source: how many attacks were found at each rate, how many harmless texts blamed."""

    source: str
    attacks: int
    recall: tuple[float, ...]
    harmless: int
    false_alarms: tuple[float, ...]


def data(samples: list[Sample], vectors: Vectors, label: str) -> Data:
    """Return the samples that are `label` or harmless."""
    labels = np.array([sample.label for sample in samples])
    sources = np.array([sample.source for sample in samples])
    chosen = np.flatnonzero((labels == label) | (labels == BENIGN))
    return Data(vectors.rows(chosen), labels[chosen] == label, sources[chosen])


def unseen(part: Data) -> Scores:
    """Return a score for each sample by a model that has seen nothing of its source."""
    return _without(part, [part.sources == source for source in np.unique(part.sources)])


def seen(part: Data) -> Scores:
    """Return a score for each sample by a model that has seen other samples of its source."""
    folds = np.random.default_rng(model.SEED).integers(FOLDS, size=len(part.sources))
    return _without(part, [folds == fold for fold in range(FOLDS)])


def thresholds(part: Data, scores: Scores, *, without: tuple[str, ...] = ()) -> list[float]:
    """Return the scores at which the rates of false alarms are met.

    Each source of harmless texts counts alike, whatever its size, those `without` not at all.
    """
    harmless = ~part.hostile
    weights = np.zeros(len(scores))
    for source in np.unique(part.sources):
        rows = harmless & (part.sources == source)
        if rows.sum() >= BENIGN_ENOUGH and source not in without:
            weights[rows] = 1 / rows.sum()
    order = np.argsort(-scores)
    reached = np.cumsum(weights[order]) / weights.sum()
    return [float(scores[order][np.searchsorted(reached, rate)]) for rate in FALSE_ALARMS]


def table(part: Data, scores: Scores, limits: list[float]) -> list[Row]:
    """Return a row for each source."""
    rows = []
    for source in np.unique(part.sources):
        attacks = scores[(part.sources == source) & part.hostile]
        harmless = scores[(part.sources == source) & ~part.hostile]
        rows.append(
            Row(
                str(source),
                len(attacks),
                _over(attacks, limits),
                len(harmless),
                _over(harmless, limits),
            )
        )
    return rows


def _over(scores: Scores, limits: list[float]) -> tuple[float, ...]:
    return tuple(
        float(np.mean(scores > limit)) if len(scores) else float("nan") for limit in limits
    )


def _without(part: Data, groups: list[NDArray[np.bool_]]) -> Scores:
    scores = np.zeros(len(part.sources))
    for group in groups:
        rest = np.flatnonzero(~group)
        known = part.vectors.rows(rest)
        idf = known.idf()
        weights, bias = model.fitted(known.weighted(idf), part.hostile[rest], part.sources[rest])
        left_out = np.flatnonzero(group)
        scores[left_out] = part.vectors.rows(left_out).weighted(idf) @ weights + bias
    return scores
