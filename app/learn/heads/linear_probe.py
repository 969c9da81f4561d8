"""Linear probing: a head fitted by regression on cached features, from nothing or a prior head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from app.learn.callbacks import Monitor, SubProgress
from app.learn.data.examples import Examples, Inputs
from app.learn.data.splits import fold_numbers
from app.learn.devices import best_device
from app.learn.heads.logistic import (
    PENALTIES,
    HeadPrior,
    LabelledFeatures,
    LinearHead,
    centre_and_scale,
    choose_penalty,
    correctness,
    fit_logistic,
    labelled_features,
    log_losses,
    read_linear_head,
    write_linear_head,
)
from app.learn.inference import CachedRows, encode
from app.learn.network import Network
from app.learn.vector_cache import VectorCache

# A regression holds all rows (or words) in memory, and of more it would be no different.
MAX_ROWS = 20_000
# Of more rows so many choose the penalty.
_ROWS_TO_CHOOSE_BY = 2000
# A bias may answer for a difference in how frequent labels are. From nothing it is all but free,
# and held at all for the sake of labels that no row has.
_BIAS_PRECISION, _BIAS_PRECISION_FROM_NOTHING = 1.0, 0.01
_PHASE = "fitting a linear probe"


def fit_head(
    network: Network,
    cached: CachedRows,
    examples: Examples,
    seed: int,
    progress: Callable[[float], None],
) -> list[dict[str, Any]] | None:
    """Fit the head in place to the cached features of `examples`; the history.

    The head so far is the prior, its weight chosen by 5-fold cross-validation (L2-SP: Li et al.,
    2018, "Explicit inductive bias for transfer learning with convolutional networks"), so that few
    labels do not lead away from what the source model knows. A head that is right no more often
    than a constant answer knows nothing: then the prior is zero.

    Of single labels the strongest prior within one standard error of the best accuracy is taken; of
    words, which come by the hundred and are mostly outside of entities, and from nothing, the one
    of the least log loss. None, and nothing changed, where the head is not linear or there are more
    than `MAX_ROWS` points.
    """
    if cached.features.ndim != (3 if network.objective.per_word else 2):
        return None
    start = read_linear_head(network, cached.features.shape[-1])
    if start is None:
        return None
    known = labelled_features(cached.features.cpu().numpy(), examples)
    if not 0 < len(known) <= MAX_ROWS:
        return None
    centre, scale = centre_and_scale(known.vectors)
    standardised = known.standardised(centre, scale)
    prior, from_nothing = _prior(start.standardised(centre, scale), standardised)
    bias_precision = _BIAS_PRECISION_FROM_NOTHING if from_nothing else _BIAS_PRECISION
    chosen = choose_penalty(
        *(
            standardised.subsample(_ROWS_TO_CHOOSE_BY),
            prior,
            bias_precision,
            PENALTIES,
            fold_numbers(examples, seed),
            progress,
        ),
        least_loss=from_nothing or network.objective.per_word,
    )
    head = fit_logistic(standardised, HeadPrior(prior, chosen.penalty, bias_precision))
    write_linear_head(network, head.unstandardised(centre, scale))
    history = [{"stage": "head", "step": i + 1, **line} for i, line in enumerate(chosen.history)]
    loss = float(log_losses(head.logits(standardised.vectors), standardised.targets).mean())
    return [*history, {"stage": "head", "step": len(history) + 1, "train_loss": loss}]


def _prior(start: LinearHead, known: LabelledFeatures) -> tuple[LinearHead, bool]:
    """The prior head, before a label is seen, and whether there is none."""
    right = float(correctness(start.logits(known.vectors), known.targets).mean())
    if right > _constant_accuracy(known.targets):
        return start, False
    return LinearHead(np.zeros_like(start.weight), np.zeros_like(start.bias)), True


def _constant_accuracy(targets: np.ndarray) -> float:
    if targets.ndim == 2:
        shares = targets.mean(axis=0)
        return float(np.maximum(shares, 1.0 - shares).mean())
    return float(np.bincount(targets).max() / len(targets))


def fit_probe(
    train: LabelledFeatures, classes: int, folds: np.ndarray, progress: Callable[[float], None]
) -> tuple[LinearHead, list[dict[str, Any]]]:
    """The head, for features as they are, whose penalty has the least out-of-fold log loss.

    `folds`: int64, the fold of each of the points' rows. Features are counted from their mean, in
    units of one typical deviation. Also returns what was tried.
    """
    if len(train) > MAX_ROWS:
        train = train.take(np.linspace(0, len(train) - 1, MAX_ROWS).round().astype(np.int64))
    centre, scale = centre_and_scale(train.vectors)
    standardised = train.standardised(centre, scale)
    nothing = LinearHead(np.zeros((len(centre), classes)), np.zeros(classes))
    chosen = choose_penalty(
        standardised,
        nothing,
        _BIAS_PRECISION_FROM_NOTHING,
        PENALTIES,
        folds,
        progress,
        least_loss=True,
    )
    head = fit_logistic(
        standardised, HeadPrior(nothing, chosen.penalty, _BIAS_PRECISION_FROM_NOTHING)
    )
    return head.unstandardised(centre, scale), chosen.history


def probe(
    network: Network, train: Examples, vectors: VectorCache | None, seed: int, monitor: Monitor
) -> tuple[LinearHead, list[dict[str, Any]]] | None:
    """`fit_probe` on the network's features of `train`; None where features cannot be kept.

    The network, which must be in eval mode, stays as and where it is.
    """
    learnt = encode(network, train.inputs, vectors, SubProgress(monitor, 0.0, 0.8))
    if learnt is None:
        return None
    known = labelled_features(learnt.cpu().numpy(), train)
    folds = fold_numbers(train, seed)
    rest = SubProgress(monitor, 0.8, 1.0)
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
    (`app.learn.inference`). The network is on the CPU afterwards.
    """
    network.to(best_device()).eval()
    try:
        found = probe(network, train, vectors, seed, SubProgress(monitor, 0.0, 0.7))
        answered = encode(network, inputs, vectors, SubProgress(monitor, 0.7, 1.0))
    finally:
        network.cpu()
    if found is None or answered is None:
        return None
    flat = answered.cpu().numpy().astype(np.float64)
    flat = flat if network.objective.per_word else flat.reshape(len(flat), -1)
    logits = torch.from_numpy(found[0].logits(flat))
    answers: np.ndarray = network.objective.probabilities(logits).numpy()
    return answers
