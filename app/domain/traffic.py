"""Live traffic: what is remembered of the inputs that a model answered."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.domain.predictions import AnyPrediction, LabelSetPrediction, Prediction

CONFIDENCE_BINS = 20
# A text is shorter than the next of these; the last bin is open.
LENGTH_EDGES = (5, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 640, 1280, 2560)
NO_LABEL = "(none)"


class Trait(StrEnum):
    """What is counted of traffic, and compared with an evaluation."""

    LANGUAGE = "language"
    CONFIDENCE = "confidence"
    LABEL = "label"
    LENGTH = "length"


# By bin or name, how often; bins are numbers from 0 as text.
Counts = dict[Trait, Counter[str]]


@dataclass(frozen=True)
class Sample:
    """One answered input of a model; `text` is None for an image.

    `confidence` is the probability of the label; of several labels or words their mean.
    """

    model_id: str
    text: str | None
    labels: tuple[str, ...]
    confidence: float


@dataclass(frozen=True)
class RecordedText:
    """A text of live traffic, kept where the operator allows it; `rank` is drawn at random.

    Those of the lowest ranks of a model and day stay, which makes them a fair sample however many
    processes draw.
    """

    model_id: str
    day: str
    rank: int
    text: str
    language: str
    labels: tuple[str, ...]
    confidence: float


def labels_of(prediction: AnyPrediction) -> tuple[tuple[str, ...], float]:
    """The labels that a prediction gives, and how sure it is of them, from 0 to 1."""
    if isinstance(prediction, Prediction):
        return (prediction.label,), prediction.probabilities[prediction.label]
    if isinstance(prediction, LabelSetPrediction):
        return prediction.labels, set_confidence(prediction.probabilities.values())
    words = prediction.words
    sure = sum(word.probability for word in words) / len(words) if words else 1.0
    return tuple(word.tag for word in words), sure


def set_confidence(probabilities: Iterable[float]) -> float:
    """How sure a model is of a set of labels: the mean over labels of their likelier side."""
    sides = [max(one, 1.0 - one) for one in probabilities]
    return sum(sides) / len(sides) if sides else 1.0


def add_sample(counts: Counts, sample: Sample, language: str | None) -> None:
    """Count one sample; the language and the length of texts alone."""
    for label in sample.labels or (NO_LABEL,):
        counts.setdefault(Trait.LABEL, Counter())[label] += 1
    place = min(int(sample.confidence * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)
    counts.setdefault(Trait.CONFIDENCE, Counter())[str(place)] += 1
    if sample.text is not None:
        counts.setdefault(Trait.LENGTH, Counter())[str(_length_bin(len(sample.text)))] += 1
    if language is not None:
        counts.setdefault(Trait.LANGUAGE, Counter())[language] += 1


def sampled_inputs(counts: Mapping[Trait, Counter[str]]) -> int:
    """How many inputs the counts are of: each has one confidence."""
    return sum(counts.get(Trait.CONFIDENCE, Counter()).values())


def _length_bin(characters: int) -> int:
    return bisect_right(LENGTH_EDGES, characters)
