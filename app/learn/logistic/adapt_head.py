"""Adapts a network's linear head to a language with few labels, in closed form but for a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.learn.devices import best_device
from app.learn.encoding import encode
from app.learn.examples import Examples, Inputs
from app.learn.logistic.linear_head import LinearHead, read_linear_head, write_linear_head
from app.learn.logistic.points import Points, points
from app.learn.logistic.regression import Prior, fit
from app.learn.logistic.source_head import fit_source, label_mix
from app.learn.logistic.strength import GRID, Strength, choose_strength
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.portion import Portion
from app.learn.splits import fold_numbers
from app.learn.vector_cache import VectorCache

_PHASE = "fitting the head"
# A bias may answer for a difference in how frequent labels are; where the languages' means have
# been aligned there is less for it to answer for.
_BIASES, _BIASES_ALIGNED = 1.0, 10.0
# The target's mean counts as if so many texts had been seen at the source's.
_TEXTS_BEFORE = 16


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

    Returns the history, why it ended, and an account. Raises `HeadNotLinear`.
    """
    try:
        network.to(best_device()).eval()
        return _Fitting(network, rows, seed, monitor).run()
    finally:
        network.requires_grad_(True).cpu().eval()


class _Fitting:
    def __init__(self, network: Network, rows: HeadRows, seed: int, monitor: Monitor) -> None:
        self._network = network
        self._rows = rows
        self._seed = seed
        self._monitor = monitor
        self._target = self._points(rows.target, 0.0, 0.3)
        self._source = None if rows.source is None else self._points(rows.source, 0.3, 0.5)
        start = read_linear_head(network, self._target.vectors.shape[1])
        if start is None:
            raise HeadNotLinear
        self._start = start
        self._per_word = network.objective.per_word

    def run(self) -> tuple[list[dict[str, Any]], str, dict[str, Any]]:
        theirs = self._vectors_of(self._rows.source_texts, self._source, 0.5, 0.55)
        ours = self._vectors_of(self._rows.texts, self._target, 0.55, 0.7)
        aligned = theirs is not None
        seen = theirs if theirs is not None else ours
        assert seen is not None, "there are target rows"
        centre = seen.mean(axis=0)
        scale = max(float(np.sqrt(((seen - centre) ** 2).mean())), 1e-8)
        prior = self._start.seen_from(centre, scale)
        history: list[dict[str, Any]] = []
        if self._source is not None:
            prior, history = self._refitted(self._source.moved(centre, scale))
        if ours is not None and aligned:
            centre = _between(centre, ours, scale * self._mix((ours - centre) / scale))
        chosen, head = self._adapted(self._target.moved(centre, scale), prior, aligned)
        history += [{"stage": "target", "step": i + 1, **t} for i, t in enumerate(chosen.tried)]
        write_linear_head(self._network, head.seen_from_zero(centre, scale))
        self._monitor.progress(_PHASE, 1.0)
        account = {
            "aligned_means": aligned,
            "refitted_on_source": self._source is not None,
            "penalty": chosen.weights,
        }
        return history, "The fit converged.", account

    def _refitted(self, source: Points) -> tuple[LinearHead, list[dict[str, Any]]]:
        assert self._rows.source is not None
        examples = self._rows.source
        folds = fold_numbers(examples, self._seed)
        part = Portion(self._monitor, 0.7, 0.85)
        classes = len(self._start.bias)
        self._fitted = fit_source(source, classes, folds, lambda x: part.progress(_PHASE, x))
        self._moved = source
        return self._fitted.head, list(self._fitted.history)

    def _mix(self, ours: np.ndarray) -> np.ndarray:
        """What the target's label shares add to its mean; nothing where that cannot be told."""
        if self._source is None or self._source.targets.ndim != 1 or self._per_word:
            return np.zeros(ours.shape[1])
        return label_mix(self._moved, self._fitted, ours)

    def _adapted(
        self, target: Points, prior: LinearHead, aligned: bool
    ) -> tuple[Strength, LinearHead]:
        examples = self._rows.target
        biases = _BIASES_ALIGNED if aligned else _BIASES
        folds = fold_numbers(examples, self._seed)
        part = Portion(self._monitor, 0.85, 1.0)
        chosen = choose_strength(
            *(target, prior, biases, GRID, folds),
            progress=lambda x: part.progress(_PHASE, x),
        )
        return chosen, fit(target, Prior(prior, chosen.weights, biases))

    def _points(self, examples: Examples, start: float, end: float) -> Points:
        return points(self._features(examples.inputs, start, end), examples)

    def _features(self, inputs: Inputs, start: float, end: float) -> np.ndarray:
        part = Portion(self._monitor, start, end)
        found = encode(self._network, inputs, self._rows.vectors, part)
        if found is None:
            raise HeadNotLinear
        return np.asarray(found.cpu().numpy())

    def _vectors_of(
        self, texts: Inputs | None, labelled: Points | None, start: float, end: float
    ) -> np.ndarray | None:
        """Every vector of a language there is, None where there is none. float64 (m, width)"""
        parts = [] if labelled is None else [labelled.vectors]
        if texts is not None and len(texts) and not self._network.objective.per_word:
            found = self._features(texts, start, end)
            parts.append(found.reshape(len(found), -1).astype(np.float64))
        return np.concatenate(parts) if parts else None


def _between(source: np.ndarray, ours: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """The target's mean without `mix`, drawn towards the source's where few texts tell it."""
    share = len(ours) / (len(ours) + _TEXTS_BEFORE)
    middle: np.ndarray = source + share * (ours.mean(axis=0) - mix - source)
    return middle
