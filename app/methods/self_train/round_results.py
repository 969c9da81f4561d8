"""What the rounds of `self-train` led to: the state after each, the best network, the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.learn.data.examples import Examples
from app.learn.network import Network, ParameterSnapshot
from app.methods.self_train.pseudo_labels import PseudoLabels

# So many rounds in a row that are no better than an earlier one end the training.
_PATIENCE = 2
# Rounds end where a larger share of the unlabelled inputs keeps its label than this.
_SETTLED = 0.99
# More source rows give no better head and no better label shares.
_MAX_SOURCE_ROWS = 5000


@dataclass(frozen=True)
class RoundState:
    """`logits`: float64 (unlabelled, classes); `temperature` is 1 where it was not calibrated.

    `accuracy` and `loss` are those on the validation rows, None without any; `shift` is what was
    added to the logits to match the expected shares, None where nothing was.
    """

    logits: np.ndarray
    temperature: float
    accuracy: float | None
    loss: float | None
    shift: np.ndarray | None = None

    @property
    def labels(self) -> np.ndarray:
        """Int64 (unlabelled,): what the network takes each input for."""
        labels: np.ndarray = self.logits.argmax(axis=1)
        return labels


class BestNetwork:
    """Keeps the best: on validation rows where there are any, otherwise the last.

    Candidates are compared by accuracy, then by log loss. The start is the best only where every
    candidate has a lower accuracy: for the same accuracy the unlabelled inputs decide, and they
    speak for the candidate.
    """

    def __init__(self, network: Network, start: RoundState, head_only: bool) -> None:
        self._network = network
        self._head_only = head_only
        self._start_accuracy = start.accuracy
        self._score: tuple[float, float] | None = None
        self._best = ParameterSnapshot(network, head_only)
        self._last = start
        self._worse = 0
        self.best: int | None = None
        self.stop_reason: str | None = None

    def add(self, number: int, state: RoundState) -> None:
        """Compare the network after round `number`; sets `stop_reason` where none should follow."""
        same = float((state.labels == self._last.labels).mean())
        self._last = state
        if state.accuracy is None or state.loss is None:
            self._keep(number)
            if number > 0 and same > _SETTLED:
                self.stop_reason = (
                    f"Round {number} changed the labels of less than 1% of the inputs."
                )
            return
        score = (state.accuracy, -state.loss)
        beats_start = self._start_accuracy is None or state.accuracy >= self._start_accuracy
        if beats_start and (self._score is None or score > self._score):
            self._score = score
            self._worse = 0
            self._keep(number)
            return
        self._worse += 1
        if self._worse >= _PATIENCE:
            self.stop_reason = f"No better on validation in {_PATIENCE} rounds."

    def restore_best(self) -> None:
        """Put the best network back in place."""
        self._best.restore(self._network)

    def _keep(self, number: int) -> None:
        self.best = number
        self._best = ParameterSnapshot(self._network, self._head_only)


class RoundsReport:
    """The report of the rounds, while they go on and at the end.

    `history` has the lines of all trainings; `report` is JSON; `stopped` is a sentence.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        start: RoundState,
        shares: np.ndarray | None,
        shares_from: str,
        source_shares: np.ndarray | None = None,
    ) -> None:
        self._labels = labels
        self.history: list[dict[str, Any]] = []
        self.stopped = ""
        self.report: dict[str, Any] = {
            "unlabelled": len(start.logits),
            "chosen_round": None,
            "start": {"validation_accuracy": start.accuracy, "validation_loss": start.loss},
            "expected_shares": None if shares is None else self._by_label(shares),
            "expected_shares_from": shares_from,
            "source_shares": None if source_shares is None else self._by_label(source_shares),
            "rounds": [],
        }

    def add_round(
        self, number: int, pseudo_labels: PseudoLabels | None, before: RoundState, after: RoundState
    ) -> dict[str, Any]:
        """What round `number` learnt from, `pseudo_labels` of its own labels, and where it led."""
        entry: dict[str, Any] = {
            "round": number,
            "validation_accuracy": after.accuracy,
            "validation_loss": after.loss,
            "same_labels_as_before": float((before.labels == after.labels).mean()),
            "shift": None if after.shift is None else self._by_label(after.shift),
        }
        if pseudo_labels is not None:
            counts = np.bincount(pseudo_labels.targets, minlength=len(self._labels))
            entry["temperature"] = before.temperature
            entry["kept"] = dict(zip(self._labels, counts.tolist(), strict=True))
            entry["thresholds"] = self._by_label(pseudo_labels.thresholds)
        self.report["rounds"].append(entry)
        return entry

    def end(self, best: int | None, stop_reason: str | None, has_labels: bool) -> None:
        """Round `best` is the result, the source model where it is None."""
        self.report["chosen_round"] = best
        stop_reason = stop_reason or f"All {len(self.report['rounds']) - 1} rounds were made."
        if not has_labels:
            stop_reason = "No row has a label, so one short round was made."
        result = (
            "Every round was worse on validation than the source model, which is the result."
            if best is None
            else f"Round {best} is the result."
        )
        self.stopped = f"{stop_reason} {result}"

    def _by_label(self, numbers: np.ndarray) -> dict[str, float | None]:
        """Rounded; None for NaN, which JSON has no word for."""
        pairs = zip(self._labels, numbers.tolist(), strict=True)
        return {label: None if np.isnan(x) else round(x, 4) for label, x in pairs}


def subsample_source(source: Examples) -> Examples:
    """Source rows, evenly spaced ones where there are very many."""
    if len(source) <= _MAX_SOURCE_ROWS:
        return source
    return source.take(np.linspace(0, len(source) - 1, _MAX_SOURCE_ROWS).round().astype(np.int64))
