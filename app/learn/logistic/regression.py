"""Logistic regression around a prior head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from app.learn.logistic.linear_head import LinearHead
from app.learn.logistic.points import Points
from app.learn.softmax import log_softmax

_MOST_ITERATIONS = 300


@dataclass(frozen=True)
class Prior:
    """The head that is believed in before a label is seen, and how firmly.

    `weights` and `biases` are precisions: half of them times the squared distance from `head` is
    added to the log loss, which is a sum over points.
    """

    head: LinearHead
    weights: float
    biases: float


def fit(
    points: Points,
    prior: Prior,
    start: LinearHead | None = None,
    tolerance: float = 1e-9,
    counts: np.ndarray | None = None,
) -> LinearHead:
    """The head that is most probable after the points (maximum a posteriori), by L-BFGS.

    The search begins at `start`, the prior's head unless given, and ends when a step lowers what
    it minimises by less than `tolerance` of it. `counts` (float (m,)) says as how many each point
    counts, as one unless given.

    Softmax for one label each, a logistic function for each of several labels. Shrinking towards
    the source's parameters instead of zero: Chelba and Acero (2006); L2-SP, Li et al. (2018).
    """
    begin = start or prior.head
    if len(points) >= points.vectors.shape[1]:
        return _minimised(points, prior, begin, tolerance, counts)
    # Off the span of the points the prior's weights stay: it is enough to search within the span.
    basis, upper = np.linalg.qr(points.vectors.T)

    def within(head: LinearHead) -> LinearHead:
        return LinearHead(basis.T @ head.weight, head.bias)

    inner = Prior(within(prior.head), prior.weights, prior.biases)
    few = Points(upper.T, points.targets, points.rows)
    found = _minimised(few, inner, within(begin), tolerance, counts)
    moved = basis @ (found.weight - inner.head.weight)
    return LinearHead(prior.head.weight + moved, found.bias)


def _minimised(
    points: Points, prior: Prior, begin: LinearHead, tolerance: float, counts: np.ndarray | None
) -> LinearHead:
    shape = prior.head.weight.shape

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        head = _head(flat, shape)
        loss, wrong = _loss(head.logits(points.vectors), points.targets, counts)
        away, off = head.weight - prior.head.weight, head.bias - prior.head.bias
        loss += 0.5 * (prior.weights * (away**2).sum() + prior.biases * (off**2).sum())
        slope = points.vectors.T @ wrong + prior.weights * away
        return loss, np.concatenate([slope.ravel(), wrong.sum(axis=0) + prior.biases * off])

    flat = np.concatenate([begin.weight.ravel(), begin.bias])
    options = {"maxiter": _MOST_ITERATIONS, "ftol": tolerance}
    found = minimize(objective, flat, jac=True, method="L-BFGS-B", options=options)
    return _head(found.x, shape)


def losses(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Float64 (m,): the log loss of each point, summed over labels where there are several."""
    if targets.ndim == 2:
        summed: np.ndarray = (np.logaddexp(0, logits) - targets * logits).sum(axis=1)
        return summed
    own: np.ndarray = -log_softmax(logits)[np.arange(len(targets)), targets]
    return own


def rights(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Float64 (m,): 1 where the likeliest label is right; of several labels the share."""
    if targets.ndim == 2:
        share: np.ndarray = ((logits > 0) == targets).mean(axis=1)
        return share
    return (logits.argmax(axis=1) == targets).astype(np.float64)


def _loss(
    logits: np.ndarray, targets: np.ndarray, counts: np.ndarray | None
) -> tuple[float, np.ndarray]:
    """The summed log loss and its slope by the logits."""
    times = np.ones(len(targets)) if counts is None else counts
    if targets.ndim == 2:
        wrong = (expit(logits) - targets) * times[:, None]
        return float(times @ losses(logits, targets)), wrong
    logs = log_softmax(logits)
    places = np.arange(len(targets))
    wrong = np.exp(logs)
    wrong[places, targets] -= 1.0
    return float(-times @ logs[places, targets]), wrong * times[:, None]


def _head(flat: np.ndarray, shape: tuple[int, ...]) -> LinearHead:
    cut = shape[0] * shape[1]
    return LinearHead(flat[:cut].reshape(shape), flat[cut:])
