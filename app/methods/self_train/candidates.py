"""The networks that the rounds of `self-train` bring forth, of which the best is kept."""

from __future__ import annotations

from app.learn.network import Network
from app.learn.snapshot import Snapshot
from app.methods.self_train.standing import Standing

# So many rounds in a row that are no better than an earlier one end the training.
_PATIENCE = 2
# Rounds end where a larger share of the unlabelled inputs keeps its label than this.
_SETTLED = 0.99


class Candidates:
    """Keeps the best: on validation rows where there are any, otherwise the last.

    Candidates are compared by accuracy, then by log loss. The start is the best only where every
    candidate has a lower accuracy: for the same accuracy the unlabelled inputs decide, and they
    speak for the candidate.
    """

    def __init__(self, network: Network, start: Standing, head_only: bool) -> None:
        self._network = network
        self._head_only = head_only
        self._start_accuracy = start.accuracy
        self._score: tuple[float, float] | None = None
        self._best = Snapshot(network, head_only)
        self._last = start
        self._worse = 0
        self.best: int | None = None
        self.why: str | None = None

    def add(self, number: int, standing: Standing) -> None:
        """Look at the network after round `number`; `why` is set where no round should follow."""
        same = float((standing.labels == self._last.labels).mean())
        self._last = standing
        if standing.accuracy is None or standing.loss is None:
            self._keep(number)
            if number > 0 and same > _SETTLED:
                self.why = f"Round {number} changed the labels of less than 1% of the inputs."
            return
        score = (standing.accuracy, -standing.loss)
        beats_start = self._start_accuracy is None or standing.accuracy >= self._start_accuracy
        if beats_start and (self._score is None or score > self._score):
            self._score = score
            self._worse = 0
            self._keep(number)
            return
        self._worse += 1
        if self._worse >= _PATIENCE:
            self.why = f"No better on validation in {_PATIENCE} rounds."

    def restore_best(self) -> None:
        """Put the best network back in place."""
        self._best.restore(self._network)

    def _keep(self, number: int) -> None:
        self.best = number
        self._best = Snapshot(self._network, self._head_only)
