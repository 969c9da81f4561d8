"""The head's stage of training where the head is linear: a regression instead of steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from app.learn.examples import Examples
from app.learn.feature_cache import CachedRows
from app.learn.logistic.linear_head import LinearHead, read_linear_head, write_linear_head
from app.learn.logistic.points import Points, points
from app.learn.logistic.regression import Prior, fit, losses, rights
from app.learn.logistic.strength import GRID, choose_strength
from app.learn.network import Network
from app.learn.splits import fold_numbers

# A regression holds all points in memory; of more, steps over batches see enough.
MOST_POINTS = 20_000
# How firmly the prior holds differs little between so many points and more.
_POINTS_TO_CHOOSE_BY = 2000
# A bias may answer for a difference in how frequent labels are. From nothing it is all but free.
_BIASES, _BIASES_FROM_NOTHING = 1.0, 0.01


def fit_head(
    network: Network,
    cached: CachedRows,
    examples: Examples,
    seed: int,
    progress: Callable[[float], None],
) -> list[dict[str, Any]] | None:
    """Fit the head in place to the cached features of `examples`; the history.

    The head so far is the prior, held as firmly as 5-fold cross-validation says (L2-SP: Li et al.,
    2018, "Explicit inductive bias for transfer learning with convolutional networks"), so that few
    labels do not lead away from what the source model knows. A head that is right no more often
    than a constant answer knows nothing: then the prior is zero.

    Of single labels the firmest prior within one standard error of the best accuracy is taken; of
    words, which come by the hundred and are mostly outside of entities, and from nothing, the one
    of the least log loss. None, and nothing changed, where the head is not linear or there are more
    than `MOST_POINTS` points.
    """
    if cached.features.ndim != (3 if network.objective.per_word else 2):
        return None
    start = read_linear_head(network, cached.features.shape[-1])
    if start is None:
        return None
    known = points(cached.features.cpu().numpy(), examples)
    if not 0 < len(known) <= MOST_POINTS:
        return None
    centre = known.vectors.mean(axis=0)
    scale = max(float(np.sqrt(((known.vectors - centre) ** 2).mean())), 1e-8)
    moved = known.moved(centre, scale)
    prior, from_nothing = _prior(start.seen_from(centre, scale), moved)
    biases = _BIASES_FROM_NOTHING if from_nothing else _BIASES
    chosen = choose_strength(
        *(_some(moved), prior, biases, GRID, fold_numbers(examples, seed), progress),
        least_loss=from_nothing or network.objective.per_word,
    )
    head = fit(moved, Prior(prior, chosen.weights, biases))
    write_linear_head(network, head.seen_from_zero(centre, scale))
    history = [{"stage": "head", "step": i + 1, **line} for i, line in enumerate(chosen.tried)]
    loss = float(losses(head.logits(moved.vectors), moved.targets).mean())
    return [*history, {"stage": "head", "step": len(history) + 1, "train_loss": loss}]


def _prior(start: LinearHead, known: Points) -> tuple[LinearHead, bool]:
    """The head to believe in before a label is seen, and whether it is none."""
    right = float(rights(start.logits(known.vectors), known.targets).mean())
    if right > _right_by_a_constant(known.targets):
        return start, False
    return LinearHead(np.zeros_like(start.weight), np.zeros_like(start.bias)), True


def _right_by_a_constant(targets: np.ndarray) -> float:
    if targets.ndim == 2:
        shares = targets.mean(axis=0)
        return float(np.maximum(shares, 1.0 - shares).mean())
    return float(np.bincount(targets).max() / len(targets))


def _some(known: Points) -> Points:
    if len(known) <= _POINTS_TO_CHOOSE_BY:
        return known
    even = np.linspace(0, len(known) - 1, _POINTS_TO_CHOOSE_BY).round().astype(np.int64)
    return known.take(even)
