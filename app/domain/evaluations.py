"""The Evaluation on held-out rows, and the drift of live traffic from it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.domain.enums import EvaluationKind
from app.domain.models import Model
from app.domain.predictions import AnyPrediction, LabelSetPrediction, Prediction

CONFIDENCE_BINS = 20
# A text is shorter than the next of these; the last bin is open.
LENGTH_EDGES = (5, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 640, 1280, 2560)
NO_LABEL = "(none)"


@dataclass(frozen=True)
class Evaluation:
    """One model (or baseline) on one set of rows.

    `model_id` is None for the baselines that are no registered model. `metrics` is the JSON of
    `app.learn.tasks.single_label.score_labels`: accuracy, macro_f1, log_loss and
    expected_calibration_error, each `{"value", "low", "high"}` (95% interval; None with a `reason`
    where there are too few clusters of rows), `sample` (how many rows and clusters), `per_class`
    and `confusion`. `predictions_sha256` is the digest of a Parquet table of per-row predictions,
    until retention dropped it at `predictions_dropped_at`.
    """

    id: str
    transfer_id: str
    kind: EvaluationKind
    dataset_id: str
    rows: int
    labels: tuple[str, ...]
    metrics: dict[str, Any]
    created_at: datetime
    model_id: str | None = None
    predictions_sha256: str | None = None
    predictions_dropped_at: datetime | None = None


class DriftState(StrEnum):
    """What can be said; `drifted` as soon as one trait is."""

    DRIFTED = "drifted"
    STEADY = "steady"
    NOT_ENOUGH_TRAFFIC = "not-enough-traffic"
    NO_EVALUATION = "no-evaluation"


class Trait(StrEnum):
    """What is counted of traffic, and compared with an evaluation."""

    LANGUAGE = "language"
    CONFIDENCE = "confidence"
    LABEL = "label"
    LENGTH = "length"


@dataclass(frozen=True)
class TraitDrift:
    """One trait of the live inputs beside the evaluation's.

    Shares are by name, or by bin for `confidence` and `length`. `distance` is from 0 (alike) to 1;
    it and `matters_from` are None where nothing was compared.
    """

    trait: Trait
    live: dict[str, float]
    evaluated: dict[str, float] | None
    distance: float | None
    matters_from: float | None
    drifted: bool
    sentence: str


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


@dataclass(frozen=True)
class Drift:
    """Live traffic since `since` (a date in UTC) beside the model's own evaluation.

    `sampled` counts live inputs, of which `needed` are enough; `texts` are recorded ones of which
    the model was least sure, none unless the operator allows it.
    """

    model: Model
    state: DriftState
    since: str
    sampled: int
    needed: int
    evaluation_id: str | None
    evaluated_rows: int
    sentence: str
    traits: list[TraitDrift]
    texts: list[RecordedText]


# By bin or name, how often; bins are numbers from 0 as text.
TraitCounts = dict[Trait, Counter[str]]


@dataclass(frozen=True)
class TrafficSample:
    """One answered input of a model; `text` is None for an image.

    `confidence` is the probability of the label; of several labels or words their mean.
    """

    model_id: str
    text: str | None
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


def add_sample(counts: TraitCounts, sample: TrafficSample, language: str | None) -> None:
    """Count one sample; the language and the length of texts alone."""
    for label in sample.labels or (NO_LABEL,):
        counts.setdefault(Trait.LABEL, Counter())[label] += 1
    bin_number = min(int(sample.confidence * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)
    counts.setdefault(Trait.CONFIDENCE, Counter())[str(bin_number)] += 1
    if sample.text is not None:
        counts.setdefault(Trait.LENGTH, Counter())[str(_length_bin(len(sample.text)))] += 1
    if language is not None:
        counts.setdefault(Trait.LANGUAGE, Counter())[language] += 1


def sampled_inputs(counts: Mapping[Trait, Counter[str]]) -> int:
    """How many inputs the counts are of: each has one confidence."""
    return sum(counts.get(Trait.CONFIDENCE, Counter()).values())


def _length_bin(characters: int) -> int:
    return bisect_right(LENGTH_EDGES, characters)
