"""A linear probe: logistic regression, from nothing, on the features of a frozen body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from app.learn.devices import best_device
from app.learn.encoding import encode
from app.learn.examples import Examples, Inputs
from app.learn.logistic.linear_head import LinearHead
from app.learn.logistic.points import Points, points
from app.learn.logistic.regression import Prior, fit
from app.learn.logistic.strength import GRID, choose_strength
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.portion import Portion
from app.learn.splits import fold_numbers
from app.learn.vector_cache import VectorCache

# Holds the bias of a label that no row has.
_BIASES = 0.01
# The regression of this many words or rows is no different from that of more.
_MOST_POINTS = 20_000
_PHASE = "fitting a linear probe"


def fit_probe(
    train: Points, classes: int, folds: np.ndarray, progress: Callable[[float], None]
) -> tuple[LinearHead, list[dict[str, Any]]]:
    """The head, for features as they are, whose penalty has the least out-of-fold log loss.

    `folds`: int64, the fold of each of the points' rows. Features are counted from their mean, in
    units of one typical deviation. Also returns what was tried.
    """
    if len(train) > _MOST_POINTS:
        train = train.take(np.linspace(0, len(train) - 1, _MOST_POINTS).round().astype(np.int64))
    centre = train.vectors.mean(axis=0)
    scale = max(float(np.sqrt(((train.vectors - centre) ** 2).mean())), 1e-8)
    moved = train.moved(centre, scale)
    nothing = LinearHead(np.zeros((len(centre), classes)), np.zeros(classes))
    chosen = choose_strength(moved, nothing, _BIASES, GRID, folds, progress, least_loss=True)
    head = fit(moved, Prior(nothing, chosen.weights, _BIASES))
    return head.seen_from_zero(centre, scale), chosen.tried


def probe(
    network: Network, train: Examples, vectors: VectorCache | None, seed: int, monitor: Monitor
) -> tuple[LinearHead, list[dict[str, Any]]] | None:
    """`fit_probe` on the network's features of `train`; None where features cannot be kept.

    The network, which must be in eval mode, stays as and where it is.
    """
    learnt = encode(network, train.inputs, vectors, Portion(monitor, 0.0, 0.8))
    if learnt is None:
        return None
    known = points(learnt.cpu().numpy(), train)
    folds = fold_numbers(train, seed)
    rest = Portion(monitor, 0.8, 1.0)
    return fit_probe(known, len(network.labels), folds, lambda x: rest.progress(_PHASE, x))


def probe_answers(
    network: Network,
    train: Examples,
    inputs: Inputs,
    vectors: VectorCache | None,
    seed: int,
    monitor: Monitor,
) -> np.ndarray | None:
    """What a probe fitted on `train` answers to `inputs`: probabilities as the objective's.

    The network's own head has no part in it. None where features cannot be kept
    (`app.learn.encoding`). The network is on the CPU afterwards.
    """
    network.to(best_device()).eval()
    try:
        found = probe(network, train, vectors, seed, Portion(monitor, 0.0, 0.7))
        asked = encode(network, inputs, vectors, Portion(monitor, 0.7, 1.0))
    finally:
        network.cpu()
    if found is None or asked is None:
        return None
    flat = asked.cpu().numpy().astype(np.float64)
    flat = flat if network.objective.per_word else flat.reshape(len(flat), -1)
    logits = torch.from_numpy(found[0].logits(flat))
    answers: np.ndarray = network.objective.probabilities(logits).numpy()
    return answers
