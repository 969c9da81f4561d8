"""One candidate's answers to rows that it was not fitted on."""

from __future__ import annotations

import copy
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from app.domain.errors import BabelportError
from app.learn.devices import best_device
from app.learn.finite_answers import require_finite
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.portion import Portion
from app.learn.predicting import predict
from app.learn.predicting_frozen import logits_frozen
from app.methods.auto.grid import Cost, Entry
from app.methods.auto.pool import Pool
from app.methods.catalog import method_named, run_of
from app.methods.contract import MethodInput, MethodOutput


class Trial:
    """A candidate in the race.

    `answers`: probabilities of all rows of the pool; those of folds not in `done` are not there
    yet. `logits`: the logits behind them, None where features of inputs cannot be kept. `why` says
    why it was stopped, None while it is in the race; `duplicate` that it was skipped for one that
    fits the same parameters.
    """

    def __init__(self, entry: Entry, pool: Pool) -> None:
        self.entry = entry
        self.pool = pool
        network = pool.given.network
        shape = network.objective.answer_shape(pool.rows.inputs)
        self.answers = np.zeros(shape, dtype=np.float32)
        self.logits: np.ndarray | None = np.zeros(shape, dtype=np.float32)
        self.done: set[int] = set()
        self.seconds = 0.0
        self.why: str | None = None
        self.duplicate = False
        self.output: MethodOutput | None = None

    @property
    def complete(self) -> bool:
        """Whether it has answered every row."""
        return len(self.done) == self.pool.count

    def advance(self, folds: list[int], monitor: Monitor) -> None:
        """Answer the rows of `folds`; a failure of the method ends the trial and says why."""
        began = time.monotonic()
        try:
            wanted = [fold for fold in folds if fold not in self.done]
            if not self.entry.learns:
                self._answer_all(monitor)
                return
            if self.pool.count < 2:
                self.why = "A single row cannot be both learnt from and answered."
                return
            for number, fold in enumerate(wanted):
                part = Portion(monitor, number / len(wanted), (number + 1) / len(wanted))
                self._answer_fold(fold, part)
        except (BabelportError, ValueError) as problem:
            self.why = f"It failed: {problem}"
        finally:
            self.seconds += time.monotonic() - began

    def fit(self, monitor: Monitor) -> MethodOutput:
        """The candidate fitted on every row, in the source network itself where it can be."""
        if self.output is not None:
            return self.output
        if self.entry.method is None:
            monitor.progress("keeping the source model", 1.0)
            return MethodOutput(self.pool.given.network, [], "The source model is kept as it is.")
        return self._run(self.pool.whole(), monitor)

    def _answer_all(self, monitor: Monitor) -> None:
        network = self.pool.given.network
        if self.entry.method is not None:
            given = replace(self.pool.whole(), network=copy.deepcopy(network))
            self.output = self._run(given, Portion(monitor, 0.0, 0.9))
            network = self.output.network
        everything = np.arange(len(self.pool.rows))
        self._answer(network, everything, Portion(monitor, 0.9, 1.0))
        self.done = set(range(self.pool.count))

    def _answer_fold(self, fold: int, monitor: Monitor) -> None:
        given = self.pool.without(fold)
        if self.entry.cost is Cost.HEAD:
            kept = head_tensors(given.network)
            try:
                output = self._run(given, Portion(monitor, 0.0, 0.9))
                self._answer(output.network, self.pool.held(fold), Portion(monitor, 0.9, 1.0))
            finally:
                restore_head(given.network, kept)
        else:
            given = replace(given, network=copy.deepcopy(given.network))
            output = self._run(given, Portion(monitor, 0.0, 0.9))
            self._answer(output.network, self.pool.held(fold), Portion(monitor, 0.9, 1.0))
        self.done.add(fold)

    def _run(self, given: MethodInput, monitor: Monitor) -> MethodOutput:
        assert self.entry.method is not None, "the untouched model is not run"
        spec = method_named(self.entry.method)
        parameters: Any = spec.parameters.model_validate(self.entry.parameters)
        return run_of(spec)(replace(given.narrowed(spec), parameters=parameters), monitor)

    def _answer(self, network: Network, positions: np.ndarray, monitor: Monitor) -> None:
        inputs = self.pool.rows.take(positions).inputs
        try:
            network.to(best_device())
            logits = logits_frozen(network, inputs, self.pool.given.vectors, monitor)
            if logits is None or self.logits is None:
                self.logits = None
                found = predict(network, inputs, monitor=monitor)
            else:
                found = network.objective.probabilities(logits).cpu().numpy()
                _put(self.logits, positions, logits.cpu().numpy())
        finally:
            network.cpu()
        require_finite(found)
        _put(self.answers, positions, found)


def _put(rows: np.ndarray, positions: np.ndarray, found: np.ndarray) -> None:
    """Sentences of words are padded to the longest of those that were answered together."""
    if rows.ndim == 3:
        rows[positions, : found.shape[1]] = found
    else:
        rows[positions] = found


def head_tensors(network: Network) -> list[torch.Tensor]:
    """A copy of what the head is made of."""
    return [parameter.detach().clone() for parameter in network.head_parameters()]


@torch.no_grad()
def restore_head(network: Network, kept: list[torch.Tensor]) -> None:
    """Give the network a head that `head_tensors` copied."""
    for parameter, tensor in zip(network.head_parameters(), kept, strict=True):
        parameter.copy_(tensor)
