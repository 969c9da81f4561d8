"""How far the predictions of two models for the same input agree."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.predictions import (
    AnyPrediction,
    LabelSetPrediction,
    Prediction,
    TaggedPrediction,
)


@dataclass(frozen=True)
class Agreement:
    """Whether two predictions say the same, and by how much their probabilities differ."""

    agrees: bool
    difference: float


def agreement(main: AnyPrediction, other: AnyPrediction) -> Agreement:
    """Compare two predictions of one input; both of the same kind.

    `difference` is of the probability of the label that `main` names; of label sets, the largest of
    any label; of tagged words, the largest of any word that both tag alike.
    """
    if isinstance(main, Prediction) and isinstance(other, Prediction):
        label = main.label
        apart = abs(main.probabilities[label] - other.probabilities.get(label, 0.0))
        return Agreement(label == other.label, apart)
    if isinstance(main, LabelSetPrediction) and isinstance(other, LabelSetPrediction):
        apart = max(
            (abs(p - other.probabilities.get(k, 0.0)) for k, p in main.probabilities.items()),
            default=0.0,
        )
        return Agreement(set(main.labels) == set(other.labels), apart)
    assert isinstance(main, TaggedPrediction)
    assert isinstance(other, TaggedPrediction)
    pairs = list(zip(main.words, other.words, strict=True))
    alike = [abs(a.probability - b.probability) for a, b in pairs if a.tag == b.tag]
    return Agreement(len(alike) == len(pairs), max(alike, default=0.0))
