"""How firmly to believe in a prior head, by cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from app.learn.logistic.linear_head import LinearHead
from app.learn.logistic.points import Points
from app.learn.logistic.regression import Prior, fit, losses, rights

_MOST_POINTS = 4000
_ROUGHLY = 1e-6
# The search ends after so many precisions in a row without a lower log loss.
_PATIENCE = 2
# From a head that cannot be moved to one that is not held, in units of one typical feature.
GRID = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)


@dataclass(frozen=True)
class Strength:
    """The precision chosen, and the out-of-fold logits (float64 (m, classes)) of `points`.

    `tried` has for each precision, as `penalty`, the share right and the log loss out of fold.
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
    least_loss: bool = False,
) -> Strength:
    """The greatest precision of `grid` that is right as often as the best, but for one standard
    error of the best (Breiman et al., 1984): it strays least from the prior. With `least_loss`
    the one of the least log loss, which few rows tell apart better than they do accuracies.

    `grid` descends, and is gone through until the log loss out of fold falls no more. `folds`:
    int64, the fold of each of the points' rows. Of very many points a part is looked at, evenly
    spaced.
    """
    if len(points) > _MOST_POINTS:
        even = np.linspace(0, len(points) - 1, _MOST_POINTS).round().astype(np.int64)
        points = points.take(even)
    outs: list[np.ndarray] = []
    loss: list[float] = []
    for out in _out_of_fold(points, [Prior(head, x, biases) for x in grid], folds[points.rows]):
        outs.append(out)
        loss.append(float(losses(out, points.targets).mean()))
        progress(len(outs) / len(grid))
        if len(outs) - 1 - int(np.argmin(loss)) >= _PATIENCE:
            break
    progress(1.0)
    right = [rights(out, points.targets) for out in outs]
    chosen = int(np.argmin(loss)) if least_loss else _firmest_within_an_error(right)
    tried = [
        {
            "penalty": weights,
            "out_of_fold_accuracy": float(share.mean()),
            "out_of_fold_loss": lost,
        }
        for weights, share, lost in zip(grid, right, loss, strict=False)
    ]
    return Strength(grid[chosen], points, outs[chosen], tried)


def _firmest_within_an_error(right: list[np.ndarray]) -> int:
    """`right` has, for each precision, the firmest first, 1 for each point answered rightly."""
    shares = [float(r.mean()) for r in right]
    best = int(np.argmax(shares))
    error = float(right[best].std() / np.sqrt(len(right[best])))
    return next(i for i, share in enumerate(shares) if share >= shares[best] - error)


def _out_of_fold(points: Points, priors: list[Prior], fold: np.ndarray) -> Iterator[np.ndarray]:
    """For each prior, the logits of every point by a head that has not seen its fold."""
    numbers = np.unique(fold)
    heads = {number: priors[0].head for number in numbers}
    for prior in priors:
        out = np.zeros((len(points), len(prior.head.bias)))
        for number in numbers:
            held = fold == number
            if not held.all():  # each begins where the firmer one before it ended
                heads[number] = fit(points.take(~held), prior, heads[number], _ROUGHLY)
            out[held] = heads[number].logits(points.vectors[held])
        yield out
