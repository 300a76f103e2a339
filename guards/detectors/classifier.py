"""A trained first look at a text: does it read like an injection, or like an unsafe request?

A linear model over hashed words and pieces of words; `guards/training` made it. The file holds
arrays alone, and is read only if its hash is the one that stands beside it.
"""

import hashlib
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guards import normal
from guards.detectors import features
from guards.detectors.base import Choices, Configuration, Detector, Number
from guards.spans import Span

MODEL = Path(__file__).with_name("classifier.npz")
HASH = MODEL.with_suffix(".sha256")

# A long text is read in windows, so that an attack within does not drown in what surrounds it. It
# was trained on texts of a window's length.
WINDOW_CHARACTERS = 1500
STEP_CHARACTERS = 1000


class BrokenModel(Exception):
    """The file of the model is not the one that was shipped."""


@dataclass(frozen=True, slots=True)
class Head:
    """The weights of one question. `limits` are its results at 1 and at 3 % false alarms."""

    weights: NDArray[np.int8]
    step: float
    bias: float
    limits: tuple[float, float]

    def score(self, result: float) -> float:
        """Return the result as a score: 0.5 at 3 % false alarms on unseen sources, 0.75 at 1 %."""
        few, some = self.limits
        slope = math.log(3) / (few - some)
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, (result - some) * slope))))


@dataclass(frozen=True, slots=True)
class Model:
    """What the file holds."""

    idf: NDArray[np.float32]
    heads: dict[str, Head]


class Classifier(Detector):
    """The trained first look."""

    slug = "classifier"
    title = "Injection and unsafe requests (trained)"
    explanation = (
        "A small model on this server that has learned from some 14,000 attacks what injections "
        "and unsafe requests read like. It is quick and errs both ways: a first look, for a "
        "person or a guard with a model to look again."
    )
    categories = (
        ("injection", "Reads like an injection"),
        ("unsafe", "Reads like an unsafe request"),
    )
    finds_spans = False
    # It reads texts as they were written; what is put together from two would raise alarms.
    reads_across = False
    configuration = (
        Choices(
            name="categories",
            label="What to find",
            help="Injections are told from other texts better than unsafe requests are.",
            default=["injection", "unsafe"],
            choices=categories,
        ),
        Number(
            name="threshold",
            label="Threshold",
            help="0.5 blames about 3 % of harmless texts, 0.75 about 1 %. Lower finds more.",
            default=0.5,
            lowest=0.01,
            highest=0.99,
        ),
    )

    def find(self, text: str, configuration: Configuration) -> list[Span]:
        """Return the worst window for each category whose score reaches the threshold."""
        found: dict[str, Span] = {}
        for start, end, scores in _scored(text):
            for category in configuration["categories"]:
                score = scores[category]
                best = found.get(category)
                if score >= configuration["threshold"] and (best is None or score > best.score):
                    found[category] = Span(start, end, category, score)
        return sorted(found.values(), key=lambda span: (span.start, span.category))


def scores(text: str) -> dict[str, float]:
    """Return the highest score of the text for each category; 0 for an empty text."""
    best = dict.fromkeys(load().heads, 0.0)
    for _, _, window in _scored(text):
        best = {category: max(best[category], score) for category, score in window.items()}
    return best


def _scored(text: str) -> Iterator[tuple[int, int, dict[str, float]]]:
    model = load()
    view = normal.fold(normal.plain(text))
    for start in range(
        0, max(1, len(view.text) - WINDOW_CHARACTERS + STEP_CHARACTERS), STEP_CHARACTERS
    ):
        end = min(start + WINDOW_CHARACTERS, len(view.text))
        words = features.spaced(view.text[start:end])
        if words:
            yield *view.original(start, end), _window_scores(model, words)


def _window_scores(model: Model, text: str) -> dict[str, float]:
    buckets, counts = features.counts(text)
    values = counts * model.idf[buckets]
    values /= math.sqrt(float(values @ values))
    return {
        category: head.score(float(values @ head.weights[buckets]) * head.step + head.bias)
        for category, head in model.heads.items()
    }


@cache
def load() -> Model:
    """Return the model, read once. Raises `BrokenModel`."""
    return read(MODEL.read_bytes(), HASH.read_text().strip())


def read(content: bytes, digest: str) -> Model:
    """Return the model in `content`. Raises `BrokenModel` unless its SHA-256 is `digest`."""
    if hashlib.sha256(content).hexdigest() != digest:
        raise BrokenModel(
            "The classifier's model is not the one that was shipped; install it again."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        idf = file["idf"].astype(np.float32) * file["idf_step"][0]
        heads = {}
        for category, _ in Classifier.categories:
            step, bias, few, some = map(float, file[f"{category}_numbers"])
            heads[category] = Head(file[f"{category}_weights"], step, bias, (few, some))
    return Model(idf, heads)
