"""`make train-guards`: make the classifier's model anew and show how good it is.

Usage: python -m guards.training.train FOLDER, with the packages of requirements-training.txt in it.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guards.training import evaluation, model
from guards.training.sources import INJECTION, UNSAFE, load

MODEL = Path(__file__).parent.parent / "detectors" / "classifier.npz"


def main(folder: Path) -> None:
    """Write the model and its hash, and print the tables of docs/guards.md."""
    samples = load(folder)
    vectors = model.vectors([sample.text for sample in samples])
    arrays: dict[str, NDArray[np.generic]] = {}
    idf = vectors.idf()
    arrays["idf"] = np.rint(idf / idf.max() * model.IDF_STEPS).astype(np.uint8)
    arrays["idf_step"] = np.float32(idf.max() / model.IDF_STEPS).reshape(1)
    for label in (INJECTION, UNSAFE):
        part = evaluation.data(samples, vectors, label)
        seen, unseen = evaluation.seen(part), evaluation.unseen(part)
        _show(f"{label}, sources seen", part, seen, evaluation.thresholds(part, seen))
        limits = evaluation.thresholds(part, unseen)
        _show(f"{label}, sources not seen", part, unseen, limits)
        weights, bias = model.fitted(part.vectors.weighted(idf), part.hostile, part.sources)
        quantised, step = model.quantised(weights)
        arrays[f"{label}_weights"] = quantised
        arrays[f"{label}_numbers"] = np.array([step, bias, *limits], dtype=np.float32)
    model.save(MODEL, arrays)
    digest = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    MODEL.with_suffix(".sha256").write_text(f"{digest}\n")
    _say(f"{MODEL.name}: {MODEL.stat().st_size:,} bytes, SHA-256 {digest}")


def _show(
    title: str, part: evaluation.Data, scores: evaluation.Scores, limits: list[float]
) -> None:
    _say(f"\n{title}\n")
    _say("| source | attacks | found at 1 % | at 3 % | harmless | blamed at 1 % | at 3 % |")
    _say("|---|---|---|---|---|---|---|")
    rows = evaluation.table(part, scores, limits)
    for row in rows:
        recall, alarms = (
            " | ".join("" if np.isnan(rate) else f"{rate:.3f}" for rate in rates)
            for rates in (row.recall, row.false_alarms)
        )
        _say(f"| {row.source} | {row.attacks} | {recall} | {row.harmless} | {alarms} |")
    _mean("mean of sources", rows)
    easier = evaluation.thresholds(part, scores, without=evaluation.LOOK_ALIKES)
    _mean("mean, look-alikes not counted", evaluation.table(part, scores, easier))


def _mean(name: str, rows: list[evaluation.Row]) -> None:
    means = np.mean([row.recall for row in rows if row.attacks], axis=0)
    _say(f"| {name} | | {means[0]:.3f} | {means[1]:.3f} | | | |")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
