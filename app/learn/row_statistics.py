"""What each row adds to the sums that all measures are functions of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 15
_LEAST = 1e-7


@dataclass(frozen=True)
class RowStatistics:
    """One row each, in float32 except `predicted` (int (n,)).

    `correct`, `losses`: (n,); `hits`, `guesses`, `truths`: (n, classes), whether the row is a
    correct prediction, a prediction, a member of each class; `gaps`: (n, BINS), correctness minus
    confidence, in the bin of the confidence.
    """

    predicted: np.ndarray
    correct: np.ndarray
    losses: np.ndarray
    hits: np.ndarray
    guesses: np.ndarray
    truths: np.ndarray
    gaps: np.ndarray


def row_statistics(probabilities: np.ndarray, targets: np.ndarray) -> RowStatistics:
    """The statistics of `probabilities` (float (n, classes)) and `targets` (int (n,))."""
    rows = np.arange(len(targets))
    predicted = probabilities.argmax(axis=1)
    correct = (predicted == targets).astype(np.float32)
    confidence = probabilities[rows, predicted]
    eye = np.eye(probabilities.shape[1], dtype=np.float32)
    gaps = np.zeros((len(targets), BINS), dtype=np.float32)
    gaps[rows, np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)] = (
        correct - confidence
    )
    return RowStatistics(
        predicted=predicted,
        correct=correct,
        losses=-np.log(np.maximum(probabilities[rows, targets], _LEAST)).astype(np.float32),
        hits=eye[targets] * correct[:, None],
        guesses=eye[predicted],
        truths=eye[targets],
        gaps=gaps,
    )
