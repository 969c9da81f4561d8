"""A head fitted on source rows so that it travels well."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from app.learn.logistic.calibration import calibrated
from app.learn.logistic.linear_head import LinearHead
from app.learn.logistic.points import Points
from app.learn.logistic.regression import Prior, fit
from app.learn.logistic.strength import GRID, choose_strength

_Found = tuple[LinearHead, list[dict[str, Any]]]
# Cross-validation of a whole method asks for the same fit in each of its folds.
_REMEMBERED: OrderedDict[str, _Found] = OrderedDict()
_MOST_REMEMBERED = 4


def fit_source(
    source: Points, classes: int, folds: np.ndarray, progress: Callable[[float], None]
) -> _Found:
    """The most strongly penalised regression that is as good as the best but for one standard
    error, its logits scaled to be as sure as they are right; and what was tried.

    `folds`: int64, the fold of each of the points' rows. The last few answers are remembered.
    """
    key = _digest(source, classes, folds)
    if key in _REMEMBERED:
        # As often as if it were fitted, so that a run reports the same whatever ran before it.
        for done in range(len(_REMEMBERED[key][1])):
            progress((done + 1) / len(GRID))
        progress(1.0)
    else:
        _REMEMBERED[key] = _fitted(source, classes, folds, progress)
    _REMEMBERED.move_to_end(key)
    while len(_REMEMBERED) > _MOST_REMEMBERED:
        _REMEMBERED.popitem(last=False)
    return _REMEMBERED[key]


def _fitted(
    source: Points, classes: int, folds: np.ndarray, progress: Callable[[float], None]
) -> _Found:
    nothing = LinearHead(np.zeros((source.vectors.shape[1], classes)), np.zeros(classes))
    chosen = choose_strength(source, nothing, 0.0, GRID, folds, progress)
    head = calibrated(fit(source, Prior(nothing, chosen.weights, 0.0)), chosen)
    return head, [{"stage": "source", "step": i + 1, **t} for i, t in enumerate(chosen.tried)]


def _digest(source: Points, classes: int, folds: np.ndarray) -> str:
    digest = hashlib.sha256(f"{source.vectors.shape} {classes}".encode())
    for array in (source.vectors, source.targets, source.rows, folds):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
