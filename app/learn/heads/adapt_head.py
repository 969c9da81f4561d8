"""Adapts a linear head to another language by few labels, from a head fitted on source rows."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.learn.calibration import estimate_label_shift, smoothed_shares
from app.learn.callbacks import Monitor, SubProgress
from app.learn.data.examples import Examples, Inputs
from app.learn.data.splits import fold_numbers
from app.learn.devices import best_device
from app.learn.heads.logistic import (
    PENALTIES,
    HeadPrior,
    LabelledFeatures,
    LinearHead,
    PenaltyChoice,
    centre_and_scale,
    choose_penalty,
    fit_logistic,
    labelled_features,
    read_linear_head,
    temperature_scaled,
    write_linear_head,
)
from app.learn.inference import encode
from app.learn.network import Network
from app.learn.vector_cache import VectorCache

_PHASE = "fitting the head"
# A bias may answer for a difference in how frequent labels are; where the languages' means have
# been aligned there is less for it to answer for.
_BIAS_PRECISION, _BIAS_PRECISION_ALIGNED = 1.0, 10.0
# The target's mean is estimated as if so many more of its texts lay at the source's mean.
_PRIOR_TEXTS = 16
_SOURCE_BIAS_PRECISION = 0.01  # holds the bias of a label that no row has
_CACHE_SIZE = 4


@dataclass(frozen=True)
class HeadRows:
    """What a head is fitted on: `target` rows, and what else there is.

    With `source` rows the head is fitted on them anew before it is adapted. `texts` are further
    inputs of the target language and `source_texts` of the source language, without labels: they
    tell where each language's vectors lie.
    """

    target: Examples
    source: Examples | None = None
    texts: Inputs | None = None
    source_texts: Inputs | None = None
    vectors: VectorCache | None = None


class HeadNotLinear(Exception):
    """The head is not one matrix and one bias on one vector for each input (or word)."""


def adapt_head(
    network: Network, rows: HeadRows, seed: int, monitor: Monitor
) -> tuple[list[dict[str, Any]], str, dict[str, Any]]:
    """Fit the head in place; the network ends on the CPU in eval mode, its body untouched.

    1. With source rows: a logistic regression on them, as strongly penalised as
       cross-validation lets pass (one standard error), since a plainer head travels better.
    2. With texts of the source: the target's vectors are moved so that both languages' means
       meet, which for a linear head is another bias (Libovický et al., 2020). What the target's
       own label shares add to its mean is taken out before, where there are source rows.
    3. The head most probable after the target rows, with the head so far as the prior, and
       strongly so unless cross-validation says otherwise.

    Returns the history, why it ended, and a report. Raises `HeadNotLinear`.
    """
    try:
        network.to(best_device()).eval()
        return _HeadAdaptation(network, rows, seed, monitor).run()
    finally:
        network.requires_grad_(True).cpu().eval()


class _HeadAdaptation:
    def __init__(self, network: Network, rows: HeadRows, seed: int, monitor: Monitor) -> None:
        self._network = network
        self._rows = rows
        self._seed = seed
        self._monitor = monitor
        self._target = self._labelled_features(rows.target, 0.0, 0.3)
        self._source = (
            None if rows.source is None else self._labelled_features(rows.source, 0.3, 0.5)
        )
        start = read_linear_head(network, self._target.vectors.shape[1])
        if start is None:
            raise HeadNotLinear
        self._start = start
        self._per_word = network.objective.per_word

    def run(self) -> tuple[list[dict[str, Any]], str, dict[str, Any]]:
        source_vectors = self._vectors_of(self._rows.source_texts, self._source, 0.5, 0.55)
        target_vectors = self._vectors_of(self._rows.texts, self._target, 0.55, 0.7)
        aligned = source_vectors is not None
        reference = source_vectors if source_vectors is not None else target_vectors
        assert reference is not None, "there are target rows"
        centre, scale = centre_and_scale(reference)
        prior = self._start.standardised(centre, scale)
        history: list[dict[str, Any]] = []
        if self._source is not None:
            prior, history = self._fit_on_source(self._source.standardised(centre, scale))
        if target_vectors is not None and aligned:
            centre = _shrunk_mean(
                centre,
                target_vectors,
                scale * self._label_offset((target_vectors - centre) / scale),
            )
        choice, head = self._fit_on_target(self._target.standardised(centre, scale), prior, aligned)
        history += [{"stage": "target", "step": i + 1, **t} for i, t in enumerate(choice.history)]
        write_linear_head(self._network, head.unstandardised(centre, scale))
        self._monitor.progress(_PHASE, 1.0)
        report = {
            "aligned_means": aligned,
            "refitted_on_source": self._source is not None,
            "penalty": choice.penalty,
        }
        return history, "The fit converged.", report

    def _fit_on_source(self, source: LabelledFeatures) -> tuple[LinearHead, list[dict[str, Any]]]:
        assert self._rows.source is not None
        examples = self._rows.source
        folds = fold_numbers(examples, self._seed)
        part = SubProgress(self._monitor, 0.7, 0.85)
        classes = len(self._start.bias)
        self._source_head = fit_source_head(
            source, classes, folds, lambda x: part.progress(_PHASE, x)
        )
        self._standardised_source = source
        return self._source_head.head, list(self._source_head.history)

    def _label_offset(self, target_vectors: np.ndarray) -> np.ndarray:
        """What the target's label shares add to its mean; zeros where that cannot be estimated."""
        if self._source is None or self._source.targets.ndim != 1 or self._per_word:
            return np.zeros(target_vectors.shape[1])
        return label_shift_offset(self._standardised_source, self._source_head, target_vectors)

    def _fit_on_target(
        self, target: LabelledFeatures, prior: LinearHead, aligned: bool
    ) -> tuple[PenaltyChoice, LinearHead]:
        examples = self._rows.target
        bias_precision = _BIAS_PRECISION_ALIGNED if aligned else _BIAS_PRECISION
        folds = fold_numbers(examples, self._seed)
        part = SubProgress(self._monitor, 0.85, 1.0)
        choice = choose_penalty(
            *(target, prior, bias_precision, PENALTIES, folds),
            progress=lambda x: part.progress(_PHASE, x),
        )
        return choice, fit_logistic(target, HeadPrior(prior, choice.penalty, bias_precision))

    def _labelled_features(self, examples: Examples, start: float, end: float) -> LabelledFeatures:
        return labelled_features(self._features(examples.inputs, start, end), examples)

    def _features(self, inputs: Inputs, start: float, end: float) -> np.ndarray:
        part = SubProgress(self._monitor, start, end)
        found = encode(self._network, inputs, self._rows.vectors, part)
        if found is None:
            raise HeadNotLinear
        return np.asarray(found.cpu().numpy())

    def _vectors_of(
        self, texts: Inputs | None, labelled: LabelledFeatures | None, start: float, end: float
    ) -> np.ndarray | None:
        """Every vector of a language there is, None where there is none. float64 (m, width)"""
        parts = [] if labelled is None else [labelled.vectors]
        if texts is not None and len(texts) and not self._network.objective.per_word:
            found = self._features(texts, start, end)
            parts.append(found.reshape(len(found), -1).astype(np.float64))
        return np.concatenate(parts) if parts else None


def _shrunk_mean(
    source: np.ndarray, target_vectors: np.ndarray, label_offset: np.ndarray
) -> np.ndarray:
    """The target's mean without `label_offset`, shrunk towards the source's for few texts."""
    share = len(target_vectors) / (len(target_vectors) + _PRIOR_TEXTS)
    middle: np.ndarray = source + share * (target_vectors.mean(axis=0) - label_offset - source)
    return middle


@dataclass(frozen=True)
class SourceHead:
    """The head, the history of its search, and the out-of-fold logits of the strength chosen.

    `unscaled` is the head before its logits were scaled, in the units of those out of fold.
    """

    head: LinearHead
    unscaled: LinearHead
    history: list[dict[str, Any]]
    choice: PenaltyChoice


# Cross-validation of a whole method asks for the same fit in each of its folds.
_CACHE: OrderedDict[str, SourceHead] = OrderedDict()


def fit_source_head(
    source: LabelledFeatures,
    classes: int,
    folds: np.ndarray,
    progress: Callable[[float], None],
    least_loss: bool = False,
) -> SourceHead:
    """The most strongly penalised regression that is as good as the best but for one standard
    error, its logits scaled to be as sure as they are right.

    With `least_loss` it is the one of the least log loss out of fold, its logits as they are.
    `folds`: int64, the fold of each of the points' rows. The last few results are cached.
    """
    key = _cache_key(source, classes, folds, least_loss)
    if key in _CACHE:
        # As often as if it were fitted, so that a run reports the same whatever ran before it.
        for done in range(len(_CACHE[key].history)):
            progress((done + 1) / len(PENALTIES))
        progress(1.0)
    else:
        _CACHE[key] = _fit(source, classes, folds, progress, least_loss)
    _CACHE.move_to_end(key)
    while len(_CACHE) > _CACHE_SIZE:
        _CACHE.popitem(last=False)
    return _CACHE[key]


def _fit(
    source: LabelledFeatures,
    classes: int,
    folds: np.ndarray,
    progress: Callable[[float], None],
    least_loss: bool,
) -> SourceHead:
    nothing = LinearHead(np.zeros((source.vectors.shape[1], classes)), np.zeros(classes))
    bias_precision = _SOURCE_BIAS_PRECISION if least_loss else 0.0
    choice = choose_penalty(source, nothing, bias_precision, PENALTIES, folds, progress, least_loss)
    head = fit_logistic(source, HeadPrior(nothing, choice.penalty, bias_precision))
    scaled = head if least_loss else temperature_scaled(head, choice)
    history = [{"stage": "source", "step": i + 1, **t} for i, t in enumerate(choice.history)]
    return SourceHead(scaled, head, history, choice)


def _cache_key(source: LabelledFeatures, classes: int, folds: np.ndarray, least_loss: bool) -> str:
    digest = hashlib.sha256(f"{source.vectors.shape} {classes} {least_loss}".encode())
    for array in (source.vectors, source.targets, source.rows, folds):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def label_shift_offset(
    source: LabelledFeatures, fitted: SourceHead, target: np.ndarray
) -> np.ndarray:
    """What the target's own label shares, where they differ, add to the mean of its vectors.

    Float64 (width,), to be taken from the mean of `target` (float64 (n, width)) before languages
    are aligned by their means: otherwise a language whose texts are about other things is taken
    for one that lies elsewhere. Vectors are seen as `fitted` saw them; rows have one label each.
    """
    classes = len(fitted.unscaled.bias)
    logits = fitted.unscaled.logits(target)
    shift = estimate_label_shift(fitted.choice.logits, fitted.choice.features.targets, logits)
    base = smoothed_shares(source.targets, classes)
    middle = source.vectors.mean(axis=0)
    means = [source.vectors[source.targets == k] for k in range(classes)]
    apart = np.stack([rows.mean(axis=0) - middle if len(rows) else 0 * middle for rows in means])
    label_offset: np.ndarray = (shift.shares - base) @ apart
    return label_offset
