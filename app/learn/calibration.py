"""Calibration of answers: softmax, temperature scaling, and the estimate of a label shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TEMPERATURES = np.geomspace(0.1, 10.0, 201)
# The source's shares count like so many rows of the target.
_PRIOR_ROWS = 30.0
# So does the covariance of the source.
_COVARIANCE_ROWS = 20.0
# Rows added to each label, which keep one without rows possible.
SMOOTHING_ROWS = 0.5
# By how much the classes may lie nearer to each other, or farther apart, than in the source.
_STRETCH = (0.4, 1.2)
_MAX_STEPS = 60
_TOLERANCE = 1e-4


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log probabilities, of the shape of `logits` (float (..., classes))."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, of the shape of `logits` (float (..., classes))."""
    return np.exp(log_softmax(logits))


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature (0.1 to 10) by which `logits / temperature` predict `targets` best.

    `logits`: float (n, classes), `targets`: int (n,), rows that were not trained on. Best is the
    least log loss (Guo et al., 2017, "On calibration of modern neural networks").
    """
    rows = np.arange(len(targets))
    losses = [-log_softmax(logits / t)[rows, targets].mean() for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


@dataclass(frozen=True)
class LabelShift:
    """`shares`: float (classes,), of the target's inputs; `posteriors`: float (n, classes)."""

    shares: np.ndarray
    posteriors: np.ndarray


@dataclass
class _Mixture:
    """Normal distributions of one covariance around `stretch * means + offset`."""

    means: np.ndarray
    covariance: np.ndarray
    shares: np.ndarray
    offset: np.ndarray
    stretch: float = 1.0

    def responsibilities(self, z: np.ndarray) -> np.ndarray:
        centres = self.stretch * self.means + self.offset
        weight = np.linalg.solve(self.covariance, centres.T)
        scores = z @ weight - 0.5 * (centres.T * weight).sum(axis=0)
        return softmax(scores + np.log(self.shares))


def smoothed_shares(targets: np.ndarray, classes: int) -> np.ndarray:
    """Float (classes,): the share of each label among `targets` (int (n,)), none quite 0."""
    counts = np.bincount(targets, minlength=classes) + SMOOTHING_ROWS
    shares: np.ndarray = counts / counts.sum()
    return shares


def estimate_label_shift(
    source_logits: np.ndarray,
    source_targets: np.ndarray,
    logits: np.ndarray,
    labelled_logits: np.ndarray | None = None,
    labelled_targets: np.ndarray | None = None,
) -> LabelShift:
    """The label shares behind `logits` (float (n, classes)) of unlabelled inputs.

    A head from another language leans towards some labels, because all vectors are displaced
    alike; that looks like other label shares, and methods that take the head as it is (Saerens et
    al., 2002; Lipton et al., 2018) mistake one for the other. In the space of the logits the
    classes are clusters, though, and a displacement moves all of them while other shares move
    none. So a mixture of normal distributions is fitted by maximum a posteriori EM (Dempster et
    al., 1977): its means are the source's, moved by one offset and stretched by one number, its
    covariance is common to all, its shares have a Dirichlet prior around the source's.

    `source_logits` (float (m, classes)) should be out of fold, `source_targets` int (m,). Of
    labelled rows the classes are known; their shares do not count, since labels may have been
    picked otherwise than the inputs came.
    """
    classes = logits.shape[1]
    if classes < 2:
        return LabelShift(np.ones(classes), np.ones_like(logits))
    basis = _contrasts(classes)
    source, z = source_logits @ basis, logits @ basis
    prior = smoothed_shares(source_targets, classes)
    means = np.stack(
        [
            source[source_targets == k].mean(axis=0)
            if (source_targets == k).any()
            else source.mean(axis=0)
            for k in range(classes)
        ]
    )
    around = source - means[source_targets]
    covariance = around.T @ around / len(source)
    covariance += (
        1e-3 * max(float(np.trace(covariance)) / len(covariance), 1e-6) * np.eye(len(covariance))
    )
    known, truth = _labelled(basis, classes, labelled_logits, labelled_targets)
    mixture = _Mixture(means, covariance, prior, z.mean(axis=0) - prior @ means)
    for _ in range(_MAX_STEPS):
        found = mixture.responsibilities(z)
        shares = (found.sum(axis=0) + _PRIOR_ROWS * prior) / (len(z) + _PRIOR_ROWS)
        change = float(np.abs(shares - mixture.shares).max())
        mixture.shares = shares
        _maximise(mixture, np.concatenate([z, known]), np.concatenate([found, truth]), covariance)
        if change < _TOLERANCE:
            break
    return LabelShift(mixture.shares, mixture.responsibilities(z))


def _maximise(mixture: _Mixture, z: np.ndarray, found: np.ndarray, covariance: np.ndarray) -> None:
    """Set offset, stretch and covariance by the responsibilities `found` (float (n, classes))."""
    of_class, total = found.sum(axis=0), float(found.sum())
    middle, centre = found.sum(axis=1) @ z / total, of_class @ mixture.means / total
    apart = mixture.means - centre
    weighed = np.linalg.solve(mixture.covariance, apart.T).T
    together = found.T @ (z - middle)
    spread = float((of_class[:, None] * apart * weighed).sum())
    stretch = float((together * weighed).sum()) / max(spread, 1e-12)
    mixture.stretch = float(np.clip(stretch, *_STRETCH))
    mixture.offset = middle - mixture.stretch * centre
    centres = mixture.stretch * mixture.means + mixture.offset
    cross = z.T @ found @ centres
    second = (z.T * found.sum(axis=1)) @ z - cross - cross.T + (centres.T * of_class) @ centres
    mixture.covariance = (second + _COVARIANCE_ROWS * covariance) / (total + _COVARIANCE_ROWS)


def _labelled(
    basis: np.ndarray, classes: int, logits: np.ndarray | None, targets: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    if logits is None or targets is None:
        return np.zeros((0, basis.shape[1])), np.zeros((0, classes))
    return logits @ basis, np.eye(classes)[targets]


def _contrasts(classes: int) -> np.ndarray:
    """An orthonormal basis of what softmax sees of logits: float (classes, classes - 1)."""
    centring = np.eye(classes) - 1.0 / classes
    basis: np.ndarray = np.linalg.svd(centring)[0][:, : classes - 1]
    return basis
