"""Labels that a network gives itself: those that it is surest of, in every class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PseudoLabels:
    """`positions`: int64 (k,), the rows kept, ascending; `targets`: int64 (k,), their labels.

    `thresholds`: float (classes,), the least confidence kept of each class, NaN where no row is.
    """

    positions: np.ndarray
    targets: np.ndarray
    thresholds: np.ndarray


def surest_of_each_class(
    probabilities: np.ndarray, share: float, least_confidence: float = 0.0
) -> PseudoLabels:
    """Of the rows predicted as each class the `share` (0..1] with the highest confidence.

    `probabilities`: float (n, classes). A threshold of its own for each class keeps the classes
    that the network is less sure of from drowning in those that it is sure of (class-balanced
    self-training: Zou et al., 2018). At least one row of each predicted class is kept, but none
    whose confidence is below `least_confidence`.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    thresholds = np.full(probabilities.shape[1], np.nan)
    for label in np.unique(predicted):
        own = np.sort(confidence[predicted == label])[::-1]
        threshold = max(own[int(np.ceil(share * len(own))) - 1], least_confidence)
        if threshold <= own[0]:
            thresholds[label] = threshold
    # A comparison with NaN is false: classes without a threshold keep nothing.
    kept = np.flatnonzero(confidence >= thresholds[predicted])
    return PseudoLabels(kept, predicted[kept].astype(np.int64), thresholds)
