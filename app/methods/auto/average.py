"""The mean of the heads of candidates that cannot be told apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.methods.auto.grid import Cost, Entry
from app.methods.auto.trial import Trial, head_tensors, restore_head
from app.methods.contract import MethodOutput

NAME = "average"


class Average:
    """A candidate whose head is the mean of those of `members`, all linear on one frozen body.

    Then its logits are the mean of theirs, so that its answers out of fold follow from theirs.
    Averaging models that were fitted from one start: Wortsman et al., 2022 (model soups).
    """

    def __init__(self, members: list[Trial]) -> None:
        names = [trial.entry.name for trial in members]
        self.entry = Entry(NAME, None, Cost.HEAD, {"members": names})
        self.members = members
        self.pool = members[0].pool
        self.done = members[0].done
        self.seconds = 0.0
        self.why: str | None = None
        # Not of their probabilities, which no longer tell a very sure answer from a surer one.
        logits = [trial.logits for trial in members if trial.logits is not None]
        mean = np.mean(logits, axis=0)
        objective = self.pool.given.network.objective
        self.answers: np.ndarray = objective.probabilities(torch.from_numpy(mean)).numpy()

    @property
    def complete(self) -> bool:
        """Whether every member has answered every row."""
        return all(trial.complete for trial in self.members)

    def fit(self, monitor: Monitor) -> MethodOutput:
        """Every member fitted on every row, and their mean in the source network itself."""
        network = self.pool.given.network
        start, heads = head_tensors(network), []
        history: list[dict[str, Any]] = []
        report: dict[str, Any] = {}
        notes: list[str] = []
        for number, trial in enumerate(self.members):
            count = len(self.members)
            restore_head(network, start)
            output = trial.fit(Portion(monitor, number / count, (number + 1) / count))
            heads.append(head_tensors(output.network))
            history += [{"candidate": trial.entry.name, **line} for line in output.history]
            report[trial.entry.name] = output.report
            notes += output.notes
        means = [torch.stack(tensors).mean(dim=0) for tensors in zip(*heads, strict=True)]
        restore_head(network, means)
        said = "The heads of its members were averaged."
        return MethodOutput(network, history, said, report, notes=tuple(notes))
