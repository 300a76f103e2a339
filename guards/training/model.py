"""Fitting the classifier, and its file."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from guards.detectors import features

SEED = 0
# Inverse strength of regularisation, and how much a source may weigh: without the limit the
# largest source would decide alone. Both were chosen by recall on sources left out.
STRENGTH = 10.0
SOURCE_SAMPLES = 1500
IDF_STEPS = 255


@dataclass(frozen=True, slots=True)
class Vectors:
    """A row for each text: 1 + ln of how often each bucket occurs."""

    counts: sparse.csr_matrix

    def rows(self, chosen: NDArray[np.int64]) -> "Vectors":
        """Return some of the rows."""
        return Vectors(self.counts[chosen])

    def idf(self) -> NDArray[np.float64]:
        """Return 1 + ln((1 + texts) / (1 + texts with the bucket)), smoothed as usual."""
        texts = np.bincount(self.counts.indices, minlength=2 * features.BUCKETS)
        weights: NDArray[np.float64] = 1.0 + np.log((1 + self.counts.shape[0]) / (1 + texts))
        return weights

    def weighted(self, idf: NDArray[np.float64]) -> sparse.csr_matrix:
        """Return rows of length 1."""
        matrix = self.counts @ sparse.diags(idf)
        lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A1
        return sparse.csr_matrix(sparse.diags(1 / np.maximum(lengths, 1e-12)) @ matrix)


def vectors(texts: Sequence[str]) -> Vectors:
    """Return the vectors of cleaned texts."""
    buckets, values = zip(*map(features.counts, texts), strict=True)
    ends = np.concatenate([[0], np.cumsum([len(row) for row in buckets])])
    shape = (len(texts), 2 * features.BUCKETS)
    data = (np.concatenate(values), np.concatenate(buckets), ends)
    return Vectors(sparse.csr_matrix(data, shape=shape))


def fitted(
    matrix: sparse.csr_matrix, hostile: NDArray[np.bool_], sources: NDArray[np.str_]
) -> tuple[NDArray[np.float64], float]:
    """Return weights and bias that tell hostile rows from the others."""
    weights = np.ones(len(hostile))
    for source in np.unique(sources):
        for label in (False, True):
            part = (sources == source) & (hostile == label)
            weights[part] = min(1.0, (SOURCE_SAMPLES / max(1, part.sum())) ** 0.5)
    for label in (False, True):
        weights[hostile == label] *= weights.sum() / 2 / weights[hostile == label].sum()
    regression = LogisticRegression(
        C=STRENGTH, solver="liblinear", dual=True, tol=0.01, random_state=SEED, max_iter=200
    )
    regression.fit(matrix, hostile, sample_weight=weights)
    return regression.coef_[0], float(regression.intercept_[0])


def save(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write the arrays as `numpy.load` reads them, the same bytes for the same arrays."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, buffer.getvalue())


def quantised(weights: NDArray[np.float64]) -> tuple[NDArray[np.int8], np.float32]:
    """Return weights as whole numbers from -127 to 127, and what one of them is worth."""
    step = np.float32(np.abs(weights).max() / 127)
    return np.rint(weights / step).astype(np.int8), step
