"""Keeps the best parameters seen on validation rows, and says when to stop looking."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from app.learn.tasks.contract import PrimaryMetric
from app.learn.training.distributed import current_replicas
from app.learn.training.rows import LogitRows

_BATCH = 128


class EarlyStopping:
    """Checks the trained parameters on validation rows and remembers the best.

    Better is a higher primary metric of the objective (accuracy for single labels), or the same
    with a lower log loss. Parameters and buffers (the running means of batch norm) that do not
    change in the stage are not copied.
    """

    def __init__(self, network: nn.Module, rows: LogitRows, patience: int) -> None:
        self._network = network
        self._rows = rows
        self._patience = patience
        self._best: tuple[float, float] = (-1.0, 0.0)
        self._kept: dict[str, Tensor] = {}
        self._checks_without_improvement = 0

    def check(self) -> dict[str, float]:
        """Score the present parameters: `validation_<metric>` and `validation_loss`."""
        metric, loss = self._broadcast_score()
        if (metric, -loss) > self._best:
            self._best = (metric, -loss)
            self._checks_without_improvement = 0
            self._kept = {name: t.detach().clone() for name, t in trainable_state(self._network)}
        else:
            self._checks_without_improvement += 1
        return {f"validation_{self._rows.objective.metric}": metric, "validation_loss": loss}

    def _broadcast_score(self) -> tuple[float, float]:
        """Of several processes one scores: they must not part ways over a last digit."""
        replicas = current_replicas()
        score = torch.zeros(2, dtype=torch.float64)
        if replicas.rank == 0:
            score[:] = torch.tensor(_score(self._network, self._rows), dtype=torch.float64)
        replicas.broadcast([score])
        return float(score[0]), float(score[1])

    @property
    def exhausted(self) -> bool:
        """Whether as many checks as the patience allows brought nothing better."""
        return self._checks_without_improvement >= self._patience

    @torch.no_grad()
    def restore(self) -> None:
        """Put the best parameters back."""
        for name, tensor in trainable_state(self._network):
            tensor.copy_(self._kept[name])

    def state_dict(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The best parameters and buffers, and the facts beside them, for `load_state_dict`."""
        return self._kept, {"best": self._best, "without": self._checks_without_improvement}

    def load_state_dict(self, best: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        devices = {name: t.device for name, t in trainable_state(self._network)}
        self._kept = {name: tensor.to(devices[name]) for name, tensor in best.items()}
        metric, loss = facts["best"]
        self._best = (metric, loss)
        self._checks_without_improvement = facts["without"]


def trainable_state(network: nn.Module) -> list[tuple[str, Tensor]]:
    """By name what training may change: parameters with a gradient, and every buffer."""
    trained = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    return trained + list(network.named_buffers())


@torch.no_grad()
def _score(network: nn.Module, rows: LogitRows) -> tuple[float, float]:
    was_training = network.training
    network.eval()
    order = np.argsort(rows.lengths, kind="stable")
    targets = rows.targets.cpu().numpy()
    parts, losses = [], 0.0
    for start in range(0, len(order), _BATCH):
        chosen = order[start : start + _BATCH]
        answer = rows.objective.probabilities(rows.logits(chosen)).cpu().numpy()
        parts.append(rows.objective.primary_metric(answer, targets[chosen]))
        losses += float(rows.objective.log_losses(answer, targets[chosen]).sum())
    network.train(was_training)
    sums = np.concatenate([part.sums for part in parts])
    return PrimaryMetric(sums, parts[0].of).value, losses / len(order)
