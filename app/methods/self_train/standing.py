"""How the network stands between two rounds of `self-train`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.learn.class_prior import shares_within_errors, shift_to_shares
from app.learn.head_bias import shift_logits
from app.learn.monitor import Monitor
from app.learn.softmax import log_softmax
from app.learn.temperature import fit_temperature
from app.methods.contract import MethodInput
from app.methods.self_train.answers import Answers
from app.methods.self_train.pool import Pool

# A temperature fitted on fewer rows says more about them than about the network.
_LEAST_TO_CALIBRATE = 20


@dataclass(frozen=True)
class Standing:
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


class Look:
    """Finds out how the network stands."""

    def __init__(self, given: MethodInput, pool: Pool, answers: Answers) -> None:
        self._given = given
        self._pool = pool
        self._answers = answers

    def at_the_network(
        self, monitor: Monitor, shares: np.ndarray | None = None, within_errors: bool = False
    ) -> Standing:
        """Its standing, after its biases were moved so that `shares` (classes,) are matched.

        With `within_errors` no further than `shares_within_errors` says.
        """
        network = self._given.network
        logits = self._answers.of_unlabelled(network, monitor)
        added = None
        if shares is not None:
            wanted = shift_to_shares(
                logits, shares_within_errors(logits, shares) if within_errors else shares
            )
            if shift_logits(network, wanted, self._pool.rows.inputs):
                logits, added = logits + wanted, wanted
        accuracy, loss, temperature = self._on_validation()
        return Standing(logits, temperature, accuracy, loss, added)

    def _on_validation(self) -> tuple[float | None, float | None, float]:
        logits, rows = self._answers.of_validation(self._given.network), self._given.validation
        if logits is None or rows is None:
            return None, None, 1.0
        own = log_softmax(logits)[np.arange(len(rows)), rows.targets]
        enough = len(rows) >= _LEAST_TO_CALIBRATE
        temperature = fit_temperature(logits, rows.targets) if enough else 1.0
        accuracy = float((logits.argmax(axis=1) == rows.targets).mean())
        return accuracy, float(-own.mean()), temperature
