"""Logistic regression around a prior head, its penalty chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit
from torch import Tensor, nn

from app.learn.calibration import log_softmax
from app.learn.data.examples import NO_WORD, Examples
from app.learn.network import Network

# From a head that cannot be moved to one that is not held, in units of one typical feature.
PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
_MAX_ITERATIONS = 300
# Of more rows evenly spaced ones choose the penalty, with a rougher tolerance.
_MAX_ROWS_TO_CHOOSE_BY = 4000
_ROUGH_TOLERANCE = 1e-6
# The search ends after so many penalties in a row without a lower log loss.
_PATIENCE = 2
_MAX_LOG_SCALE = np.log(20.0)


@dataclass(frozen=True)
class LinearHead:
    """Logits are `features @ weight + bias`; float64 (width, classes) and (classes,)."""

    weight: np.ndarray
    bias: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Float64 (n, classes) for `features` (n, width)."""
        answers: np.ndarray = features @ self.weight + self.bias
        return answers

    def standardised(self, centre: np.ndarray, scale: float) -> LinearHead:
        """The same head for features counted from `centre` in units of `scale`."""
        return LinearHead(self.weight * scale, self.bias + centre @ self.weight)

    def unstandardised(self, centre: np.ndarray, scale: float) -> LinearHead:
        """The same head for features as they are, where it was for those counted from `centre`."""
        weight = self.weight / scale
        return LinearHead(weight, self.bias - centre @ weight)


@dataclass(frozen=True)
class HeadPrior:
    """The most probable head before a label is seen, and its weight as a prior.

    Half of each precision times the squared distance from `head` is added to the log loss, which
    is a sum over the rows.
    """

    head: LinearHead
    weight_precision: float
    bias_precision: float


def fit_logistic(
    points: LabelledFeatures,
    prior: HeadPrior,
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

    inner = HeadPrior(within(prior.head), prior.weight_precision, prior.bias_precision)
    few = LabelledFeatures(upper.T, points.targets, points.rows)
    found = _minimised(few, inner, within(begin), tolerance, counts)
    change = basis @ (found.weight - inner.head.weight)
    return LinearHead(prior.head.weight + change, found.bias)


def _minimised(
    points: LabelledFeatures,
    prior: HeadPrior,
    begin: LinearHead,
    tolerance: float,
    counts: np.ndarray | None,
) -> LinearHead:
    shape = prior.head.weight.shape

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        head = _head(flat, shape)
        loss, wrong = _loss(head.logits(points.vectors), points.targets, counts)
        away, off = head.weight - prior.head.weight, head.bias - prior.head.bias
        loss += 0.5 * (
            prior.weight_precision * (away**2).sum() + prior.bias_precision * (off**2).sum()
        )
        slope = points.vectors.T @ wrong + prior.weight_precision * away
        return loss, np.concatenate([slope.ravel(), wrong.sum(axis=0) + prior.bias_precision * off])

    flat = np.concatenate([begin.weight.ravel(), begin.bias])
    options = {"maxiter": _MAX_ITERATIONS, "ftol": tolerance}
    found = minimize(objective, flat, jac=True, method="L-BFGS-B", options=options)
    return _head(found.x, shape)


def log_losses(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Float64 (m,): the log loss of each point, summed over labels where there are several."""
    if targets.ndim == 2:
        summed: np.ndarray = (np.logaddexp(0, logits) - targets * logits).sum(axis=1)
        return summed
    own: np.ndarray = -log_softmax(logits)[np.arange(len(targets)), targets]
    return own


def correctness(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
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
        return float(times @ log_losses(logits, targets)), wrong
    logs = log_softmax(logits)
    places = np.arange(len(targets))
    wrong = np.exp(logs)
    wrong[places, targets] -= 1.0
    return float(-times @ logs[places, targets]), wrong * times[:, None]


def _head(flat: np.ndarray, shape: tuple[int, ...]) -> LinearHead:
    cut = shape[0] * shape[1]
    return LinearHead(flat[:cut].reshape(shape), flat[cut:])


@dataclass(frozen=True)
class LabelledFeatures:
    """Vectors float64 (m, width) with targets: int64 (m,), or bool (m, classes) of several labels.

    `rows`: int64 (m,), the row that each belongs to; words of one sentence belong together.
    """

    vectors: np.ndarray
    targets: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, chosen: np.ndarray) -> LabelledFeatures:
        """Those at `chosen`: bool (m,) or positions."""
        return LabelledFeatures(self.vectors[chosen], self.targets[chosen], self.rows[chosen])

    def subsample(self, limit: int) -> LabelledFeatures:
        """At most `limit` of them, evenly spaced."""
        if len(self) <= limit:
            return self
        return self.take(np.linspace(0, len(self) - 1, limit).round().astype(np.int64))

    def standardised(self, origin: np.ndarray, scale: float) -> LabelledFeatures:
        """The same points seen from `origin`, in units of `scale`."""
        return replace(self, vectors=(self.vectors - origin) / scale)


def centre_and_scale(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """By which `vectors` (float (m, width)) are standardised: their mean, a typical deviation."""
    centre = vectors.mean(axis=0)
    return centre, max(float(np.sqrt(((vectors - centre) ** 2).mean())), 1e-8)


@dataclass(frozen=True)
class PenaltyChoice:
    """The penalty chosen, and the out-of-fold logits (float64 (m, classes)) of `features`.

    `history` has for each penalty tried the share right and the log loss out of fold.
    """

    penalty: float
    features: LabelledFeatures
    logits: np.ndarray
    history: list[dict[str, float]]


def choose_penalty(
    points: LabelledFeatures,
    head: LinearHead,
    biases: float,
    grid: tuple[float, ...],
    folds: np.ndarray,
    progress: Callable[[float], None],
    least_loss: bool = False,
) -> PenaltyChoice:
    """The greatest precision of `grid` that is right as often as the best, but for one standard
    error of the best (Breiman et al., 1984): it strays least from the prior. With `least_loss`
    the one of the least log loss, which few rows tell apart better than they do accuracies.

    `grid` descends, and is gone through until the log loss out of fold falls no more. `folds`:
    int64, the fold of each of the points' rows. Of very many points a part is looked at, evenly
    spaced.
    """
    points = points.subsample(_MAX_ROWS_TO_CHOOSE_BY)
    outs: list[np.ndarray] = []
    loss: list[float] = []
    for out in _out_of_fold(points, [HeadPrior(head, x, biases) for x in grid], folds[points.rows]):
        outs.append(out)
        loss.append(float(log_losses(out, points.targets).mean()))
        progress(len(outs) / len(grid))
        if len(outs) - 1 - int(np.argmin(loss)) >= _PATIENCE:
            break
    progress(1.0)
    right = [correctness(out, points.targets) for out in outs]
    chosen = int(np.argmin(loss)) if least_loss else _firmest_within_an_error(right)
    history = [
        {
            "penalty": weights,
            "out_of_fold_accuracy": float(share.mean()),
            "out_of_fold_loss": lost,
        }
        for weights, share, lost in zip(grid, right, loss, strict=False)
    ]
    return PenaltyChoice(grid[chosen], points, outs[chosen], history)


def _firmest_within_an_error(right: list[np.ndarray]) -> int:
    """`right` has, for each precision, the strongest first, 1 for each point answered rightly."""
    shares = [float(r.mean()) for r in right]
    best = int(np.argmax(shares))
    error = float(right[best].std() / np.sqrt(len(right[best])))
    return next(i for i, share in enumerate(shares) if share >= shares[best] - error)


def _out_of_fold(
    points: LabelledFeatures, priors: list[HeadPrior], fold: np.ndarray
) -> Iterator[np.ndarray]:
    """For each prior, the logits of every point by a head that has not seen its fold."""
    numbers = np.unique(fold)
    heads = {number: priors[0].head for number in numbers}
    for prior in priors:
        out = np.zeros((len(points), len(prior.head.bias)))
        for number in numbers:
            held = fold == number
            if not held.all():  # each begins where the firmer one before it ended
                heads[number] = fit_logistic(
                    points.take(~held), prior, heads[number], _ROUGH_TOLERANCE
                )
            out[held] = heads[number].logits(points.vectors[held])
        yield out


@torch.no_grad()
def read_linear_head(network: Network, width: int) -> LinearHead | None:
    """The head of a network in eval mode; None where it is not one matrix and one bias.

    It is probed, not looked up: the bias is its answer to zeros, and a row of the matrix how its
    answer to a unit vector differs from that.
    """
    if _parameters(network) is None:
        return None
    device = next(network.parameters()).device
    probes = torch.cat([torch.zeros(1, width), torch.eye(width)]).to(device)
    if network.objective.per_word:
        probes = probes.unsqueeze(1)
    answers = network.head(probes).double().cpu().reshape(width + 1, -1).numpy()
    found = LinearHead(answers[1:] - answers[0], answers[0])
    trial = torch.linspace(-1.0, 1.0, width, device=device).reshape(1, *[1] * (probes.ndim - 2), -1)
    answer = network.head(trial).double().cpu().reshape(1, -1).numpy()
    expected = found.logits(trial.double().cpu().reshape(1, -1).numpy())
    scale = 1e-4 * max(1.0, float(np.abs(expected).max()))
    return found if np.allclose(answer, expected, atol=scale, rtol=1e-4) else None


@torch.no_grad()
def write_linear_head(network: Network, head: LinearHead) -> None:
    """Give the network that head; it must be one that `read_linear_head` could read."""
    found = _parameters(network)
    assert found is not None, "only a linear head is written"
    weight, bias = found
    matrix = torch.from_numpy(head.weight).float()
    # Reading takes a difference of float32 answers, of which the bias may be by far the most.
    rounding = 1e-3 + 1e-6 * float(np.abs(head.bias).max())
    # Layers keep (classes, width), ONNX graphs either; for a square one, trying tells.
    for oriented in (matrix.T, matrix):
        if weight.shape != oriented.shape:
            continue
        weight.copy_(oriented)
        bias.copy_(torch.from_numpy(head.bias).float().reshape(bias.shape))
        again = read_linear_head(network, len(head.weight))
        if again is not None and np.allclose(again.weight, head.weight, atol=rounding, rtol=1e-3):
            return
    raise ValueError("the head's matrix has another shape than its answers")


def _parameters(network: Network) -> tuple[Tensor, Tensor] | None:
    """The matrix and the bias, where these two are all that the head has."""
    found: list[nn.Parameter] = list(network.head_parameters())
    matrices = [p for p in found if p.ndim > 1]
    biases = [p for p in found if p.ndim <= 1 and p.numel() == len(network.labels)]
    if len(found) != 2 or len(matrices) != 1 or len(biases) != 1 or matrices[0].ndim != 2:
        return None
    return matrices[0], biases[0]


def labelled_features(features: np.ndarray, examples: Examples) -> LabelledFeatures:
    """Of features (n, ...) or (n, words, width); places without a word are left out."""
    rows, targets = np.arange(len(examples)), examples.targets
    if targets.ndim == 2 and targets.dtype != bool:
        targets = targets[:, : features.shape[1]]
        there = targets != NO_WORD
        return LabelledFeatures(
            features[there].astype(np.float64),
            targets[there],
            np.broadcast_to(rows[:, None], targets.shape)[there],
        )
    flat = features.reshape(len(examples), -1).astype(np.float64)
    return LabelledFeatures(flat, targets, rows)


def temperature_scaled(head: LinearHead, chosen: PenaltyChoice) -> LinearHead:
    """`head` with its logits scaled by one number, the best for the out-of-fold logits.

    Temperature scaling (Guo et al., 2017); which label is likeliest stays the same.
    """
    targets = chosen.features.targets
    found = minimize_scalar(
        lambda log: log_losses(chosen.logits * np.exp(log), targets).mean(),
        bounds=(-_MAX_LOG_SCALE, _MAX_LOG_SCALE),
        method="bounded",
    )
    factor = float(np.exp(found.x))
    return LinearHead(head.weight * factor, head.bias * factor)
