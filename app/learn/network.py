"""The Network: any trainable classifier, of text or images, as methods and serving see it."""

from __future__ import annotations

import abc
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from app.domain.enums import Task
from app.learn.examples import Inputs
from app.learn.objectives.catalog import objective_for
from app.learn.objectives.contract import Objective

Batch = dict[str, Tensor]


class Network(nn.Module, abc.ABC):
    """A torch module from a batch to logits (n, classes) float32; formats build and save it.

    A network without labels is a plain encoder: `forward` is an error until `add_head` ran. Where
    the task is token classification there are words between rows and classes: what has the shape
    (n, ...) elsewhere is (n, words, ...), and the batch's longest sentence sets the words.
    """

    labels: tuple[str, ...]
    task: Task = Task.TEXT_CLASSIFICATION
    thresholds: tuple[float, ...] = ()

    @property
    def objective(self) -> Objective:
        """What the logits mean."""
        return objective_for(self.task, self.labels, self.thresholds)

    @abc.abstractmethod
    def collate(self, inputs: Inputs) -> Batch:
        """Texts, sentences of words or uint8 images (n, channels, height, width) as one batch of
        CPU tensors.
        """

    @abc.abstractmethod
    def lengths(self, inputs: Inputs) -> list[int]:
        """The cost of each input (tokens; 1 for an image), by which batches are bucketed."""

    def tokens_lost(self, inputs: Inputs) -> list[int]:
        """How many tokens of each input the network never reads, since it takes no more."""
        return [0] * len(inputs)

    @abc.abstractmethod
    def features(self, batch: Batch) -> Tensor:
        """What the head reads: float (n, width), or (n, tokens, width) for heads that pool."""

    @abc.abstractmethod
    def head(self, features: Tensor) -> Tensor:
        """Logits (n, classes) from `features`; `forward` is the two in a row."""

    @abc.abstractmethod
    def head_parameters(self) -> Iterator[nn.Parameter]:
        """The parameters after `features`; every other parameter is the body."""

    @abc.abstractmethod
    def add_head(self, labels: tuple[str, ...]) -> None:
        """Give a plain encoder a fresh linear head for `labels`; ValueError if it has one."""

    @abc.abstractmethod
    def reset(self) -> None:
        """Draw every parameter anew (torch's seed): the same architecture, nothing learnt."""

    def forward(self, batch: Batch) -> Tensor:
        """Logits (n, classes)."""
        return self.head(self.features(batch))

    @property
    def is_reentrant(self) -> bool:
        """Whether several threads may call it at once, as serving does."""
        return True

    def prepare_training(self, inputs: Inputs) -> None:
        """Get ready to train every parameter on `inputs`; called on the device of training.

        A network may put away what these inputs never touch (unused rows of a large embedding).
        """

    def finish_training(self) -> None:
        """Undo `prepare_training`, keeping what was learnt; the last call before saving."""

    def body_settings(self) -> str | None:
        """All that `features` depends on besides weights and inputs, as one text.

        None where that cannot be said: then no feature is kept longer than a call.
        """
        return None

    def padded_length(self, length: int) -> int:
        """How long a batch becomes whose longest input has `length`; `lengths` says what counts."""
        return length

    def body_parameters(self) -> Iterator[nn.Parameter]:
        """The parameters before `features`."""
        head = {id(p) for p in self.head_parameters()}
        return (p for p in self.parameters() if id(p) not in head)


def move(batch: Batch, device: torch.device) -> Batch:
    """The batch on `device`."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
