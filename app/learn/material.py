"""The rows of one stage of training, and how they become logits."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from app.learn.augmentation import augment
from app.learn.devices import autocast
from app.learn.examples import Examples, take_inputs
from app.learn.network import Network, move
from app.learn.objectives.contract import Objective


class Material(Protocol):
    """Rows with targets; `logits` keeps the gradients of whatever is trained.

    `targets`: those of the Examples, on the network's device; `lengths`: (n,), the cost of each
    row; `objective` tells what logits and targets mean.
    """

    objective: Objective
    targets: Tensor
    lengths: np.ndarray

    def logits(self, positions: np.ndarray) -> Tensor:
        """Float32 (k, classes) or (k, words, classes) for the rows at `positions` (int (k,))."""


class RawRows:
    """Rows that go through the whole network each time they are met.

    With a `generator`, each image is changed a little each time, drawn from it.
    """

    def __init__(
        self,
        network: Network,
        examples: Examples,
        device: torch.device,
        generator: torch.Generator | None = None,
    ) -> None:
        self.objective = network.objective
        self.targets = torch.from_numpy(examples.targets).to(device)
        self.lengths = np.asarray(network.lengths(examples.inputs))
        self._network = network
        self._inputs = examples.inputs
        self._device = device
        self._generator = generator

    def logits(self, positions: np.ndarray) -> Tensor:
        """Float32 (k, classes)."""
        inputs = take_inputs(self._inputs, positions)
        if self._generator is not None and isinstance(inputs, np.ndarray):
            inputs = augment(inputs, self._generator)
        batch = move(self._network.collate(inputs), self._device)
        with autocast(self._device):
            logits: Tensor = self._network(batch)
        return logits.float()
