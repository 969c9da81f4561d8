"""How firmly to believe in a prior head, by cross-validation."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from app.learn.logistic.linear_head import LinearHead
from app.learn.logistic.points import Points
from app.learn.logistic.regression import Prior, fit, losses, rights

FOLDS = 5
_MOST_POINTS = 4000
_ROUGHLY = 1e-6


@dataclass(frozen=True)
class Strength:
    """The precision chosen, and the out-of-fold logits (float64 (m, classes)) of `points`.

    `tried` has for each precision the share right and the mean log loss out of fold.
    """

    weights: float
    points: Points
    logits: np.ndarray
    tried: list[dict[str, float]]


def choose_strength(
    points: Points,
    head: LinearHead,
    biases: float,
    grid: tuple[float, ...],
    folds: np.ndarray,
    progress: Callable[[float], None],
) -> Strength:
    """The greatest precision of `grid` that is right as often as the best, but for one standard
    error of the best (Breiman et al., 1984): it strays least from the prior.

    `grid` descends. `folds`: int64, the fold of each of the points' rows. Of very many points a
    part is looked at, evenly spaced.
    """
    if len(points) > _MOST_POINTS:
        even = np.linspace(0, len(points) - 1, _MOST_POINTS).round().astype(np.int64)
        points = points.take(even)
    priors = [Prior(head, weights, biases) for weights in grid]
    outs = _out_of_fold(points, priors, folds[points.rows], progress)
    right = [rights(out, points.targets) for out in outs]
    shares = [float(r.mean()) for r in right]
    best = int(np.argmax(shares))
    error = float(right[best].std() / np.sqrt(len(points)))
    chosen = next(i for i, share in enumerate(shares) if share >= shares[best] - error)
    tried = [
        {
            "precision": weights,
            "out_of_fold_accuracy": share,
            "out_of_fold_loss": float(losses(out, points.targets).mean()),
        }
        for weights, share, out in zip(grid, shares, outs, strict=True)
    ]
    return Strength(grid[chosen], points, outs[chosen], tried)


def fold_numbers(strata: np.ndarray, groups: tuple[str, ...] | None, seed: int) -> np.ndarray:
    """int64 (n,): the fold of each row, stratified; rows of one group share a fold.

    As many folds as `FOLDS`, fewer where there are fewer groups; all 0 for a single group.
    """
    keys = [(g or f"alone {i}") for i, g in enumerate(groups or [""] * len(strata))]
    folds = np.zeros(len(strata), dtype=np.int64)
    most = int(np.bincount(strata).max(initial=0)) if len(strata) else 0
    count = min(FOLDS, len(set(keys)), most)
    if count < 2:
        count = min(2, len(set(keys)))
        return np.arange(len(strata)) % max(count, 1)
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rare labels stand in fewer folds than there are
        parts = splitter.split(np.zeros(len(strata)), strata, keys)
        for number, (_, held) in enumerate(parts):
            folds[held] = number
    return folds


def _out_of_fold(
    points: Points, priors: list[Prior], fold: np.ndarray, progress: Callable[[float], None]
) -> list[np.ndarray]:
    """The logits of each point by a head that has not seen its fold, for each prior."""
    outs = [np.zeros((len(points), len(priors[0].head.bias))) for _ in priors]
    numbers = np.unique(fold)
    for done, number in enumerate(numbers):
        held = fold == number
        found = priors[0].head
        for out, prior in zip(outs, priors, strict=True):
            if not held.all():  # each begins where the firmer one before it ended
                found = fit(points.take(~held), prior, found, _ROUGHLY)
            out[held] = found.logits(points.vectors[held])
        progress((done + 1) / len(numbers))
    return outs
