"""A head fitted on source rows so that it travels well."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.learn.label_shift import estimate_label_shift, smoothed_shares
from app.learn.logistic.calibration import calibrated
from app.learn.logistic.linear_head import LinearHead
from app.learn.logistic.points import Points
from app.learn.logistic.regression import Prior, fit
from app.learn.logistic.strength import GRID, Strength, choose_strength

_BIASES = 0.01  # holds the bias of a label that no row has


@dataclass(frozen=True)
class SourceHead:
    """The head, the history of its search, and the out-of-fold logits of the strength chosen.

    `plain` is the head before its logits were scaled, in the units of those out of fold.
    """

    head: LinearHead
    plain: LinearHead
    history: list[dict[str, Any]]
    chosen: Strength


# Cross-validation of a whole method asks for the same fit in each of its folds.
_REMEMBERED: OrderedDict[str, SourceHead] = OrderedDict()
_MOST_REMEMBERED = 4


def fit_source(
    source: Points,
    classes: int,
    folds: np.ndarray,
    progress: Callable[[float], None],
    least_loss: bool = False,
) -> SourceHead:
    """The most strongly penalised regression that is as good as the best but for one standard
    error, its logits scaled to be as sure as they are right.

    With `least_loss` it is the one of the least log loss out of fold, its logits as they are.
    `folds`: int64, the fold of each of the points' rows. The last few answers are remembered.
    """
    key = _digest(source, classes, folds, least_loss)
    if key in _REMEMBERED:
        # As often as if it were fitted, so that a run reports the same whatever ran before it.
        for done in range(len(_REMEMBERED[key].history)):
            progress((done + 1) / len(GRID))
        progress(1.0)
    else:
        _REMEMBERED[key] = _fitted(source, classes, folds, progress, least_loss)
    _REMEMBERED.move_to_end(key)
    while len(_REMEMBERED) > _MOST_REMEMBERED:
        _REMEMBERED.popitem(last=False)
    return _REMEMBERED[key]


def _fitted(
    source: Points,
    classes: int,
    folds: np.ndarray,
    progress: Callable[[float], None],
    least_loss: bool,
) -> SourceHead:
    nothing = LinearHead(np.zeros((source.vectors.shape[1], classes)), np.zeros(classes))
    biases = _BIASES if least_loss else 0.0
    chosen = choose_strength(source, nothing, biases, GRID, folds, progress, least_loss)
    head = fit(source, Prior(nothing, chosen.weights, biases))
    scaled = head if least_loss else calibrated(head, chosen)
    history = [{"stage": "source", "step": i + 1, **t} for i, t in enumerate(chosen.tried)]
    return SourceHead(scaled, head, history, chosen)


def _digest(source: Points, classes: int, folds: np.ndarray, least_loss: bool) -> str:
    digest = hashlib.sha256(f"{source.vectors.shape} {classes} {least_loss}".encode())
    for array in (source.vectors, source.targets, source.rows, folds):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def label_mix(source: Points, fitted: SourceHead, target: np.ndarray) -> np.ndarray:
    """What the target's own label shares, where they differ, add to the mean of its vectors.

    Float64 (width,), to be taken from the mean of `target` (float64 (n, width)) before languages
    are aligned by their means: otherwise a language whose texts are about other things is taken
    for one that lies elsewhere. Vectors are seen as `fitted` saw them; rows have one label each.
    """
    classes = len(fitted.plain.bias)
    logits = fitted.plain.logits(target)
    shift = estimate_label_shift(fitted.chosen.logits, fitted.chosen.points.targets, logits)
    base = smoothed_shares(source.targets, classes)
    middle = source.vectors.mean(axis=0)
    means = [source.vectors[source.targets == k] for k in range(classes)]
    apart = np.stack([rows.mean(axis=0) - middle if len(rows) else 0 * middle for rows in means])
    mix: np.ndarray = (shift.shares - base) @ apart
    return mix
