"""The labels that a model gives to target inputs, and the label shares that they should have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.learn.calibration import SMOOTHING_ROWS, softmax

# Source rows stand for this many target rows, since labels may be spread otherwise there.
_SOURCE_ROWS = 100.0


@dataclass(frozen=True)
class PseudoLabels:
    """`positions`: int64 (k,), the rows kept, ascending; `targets`: int64 (k,), their labels.

    `thresholds`: float (classes,), the least confidence kept of each class, NaN where no row is.
    """

    positions: np.ndarray
    targets: np.ndarray
    thresholds: np.ndarray


def most_confident_per_class(
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


def expected_label_shares(
    target: np.ndarray | None, source: np.ndarray | None, classes: int
) -> np.ndarray | None:
    """Float (classes,), adding up to 1: each label's share among target inputs.

    `target` and `source` are the labels (int (n,)) of rows of the two languages; the more target
    rows there are, the less source rows matter. None without any rows.
    """
    if target is None and source is None:
        return None
    counts = np.full(classes, SMOOTHING_ROWS)
    if target is not None:
        counts += np.bincount(target, minlength=classes)
    if source is not None:
        own = np.bincount(source, minlength=classes)
        counts += own * min(1.0, _SOURCE_ROWS / len(source))
    shares: np.ndarray = counts / counts.sum()
    return shares


def shares_halfway_to_uniform(logits: np.ndarray) -> np.ndarray:
    """Float (classes,): between the mean prediction of `logits` (n, classes) and even shares.

    Half the way on the scale of logarithms; for use where no label is known, since a network in
    a strange language leans further towards some labels than the labels themselves do.
    """
    shares = np.sqrt(np.maximum(softmax(logits).mean(axis=0), 1e-12))
    moved: np.ndarray = shares / shares.sum()
    return moved


def shares_within_errors(logits: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Float (classes,): `shares`, or where these lie too far from the mean prediction of `logits`
    (float (n, classes)) the point on the way there after which no more inputs change their label
    than the network expects to have wrong.

    Labelled rows may have been picked otherwise than the inputs came, ten of each class say. Then
    a network that is sure of its answers knows the shares better than they do.
    """
    probabilities = softmax(logits)
    predicted = probabilities.mean(axis=0)
    distance = 0.5 * float(np.abs(shares - predicted).sum())
    errors = 1.0 - float(probabilities.max(axis=1).mean())
    moved: np.ndarray = predicted + min(1.0, errors / max(distance, 1e-12)) * (shares - predicted)
    return moved


def shift_to_shares(logits: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """What to add to `logits` so that the mean prediction is `shares`: float (classes,).

    `logits`: float (n, classes). A head that was trained on another language leans towards some
    labels because all vectors are displaced alike; for a linear head the shift undoes that
    (distribution alignment: Berthelot et al., 2020, ReMixMatch; Saerens et al., 2002).
    """
    shift = np.zeros(len(shares))
    for _ in range(100):
        step = np.log(shares) - np.log(np.maximum(softmax(logits + shift).mean(axis=0), 1e-12))
        shift += step
        if np.abs(step).max() < 1e-4:
            break
    moved: np.ndarray = shift - shift.mean()
    return moved
