"""The rows of a training run and of its stages, and how they become logits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from app.learn.data.batch_sampler import Stream
from app.learn.data.examples import Examples, take_inputs
from app.learn.data.images import augment_images
from app.learn.devices import autocast
from app.learn.network import Network, move_batch
from app.learn.tasks.contract import Objective
from app.learn.vector_cache import VectorCache

LossFunction = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class TrainingRows:
    """Rows to train on, drawn by `streams` (positions in `train`), and rows to check on.

    `vectors` keeps what a frozen body makes of them.
    """

    train: Examples
    streams: tuple[Stream, ...]
    validation: Examples | None = None
    vectors: VectorCache | None = None


class LogitRows(Protocol):
    """Rows with targets; `logits` keeps the gradients of whatever is trained.

    `targets`: those of the Examples, on the network's device; `lengths`: (n,), the cost of each
    row; `objective` says what logits and targets mean.
    """

    objective: Objective
    targets: Tensor
    lengths: np.ndarray

    def logits(self, positions: np.ndarray) -> Tensor:
        """Float32 (k, classes) or (k, words, classes) for the rows at `positions` (int (k,))."""


@dataclass(frozen=True)
class StageRows:
    """What a stage trains on: rows, the order of their batches, and weights of the classes.

    `validation` is None where there is none; then the last parameters are the result. `loss`,
    of what `train.logits` gives and the targets, is minimised in the place of the objective's.
    """

    train: LogitRows
    order: Iterator[np.ndarray]
    validation: LogitRows | None = None
    class_weights: Tensor | None = None
    loss: LossFunction | None = None


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
            inputs = augment_images(inputs, self._generator)
        batch = move_batch(self._network.collate(inputs), self._device)
        with autocast(self._device):
            logits: Tensor = self._network(batch)
        return logits.float()
