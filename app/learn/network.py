"""The Network: any trainable classifier, of text or images, as methods and serving see it."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from app.domain.enums import Task
from app.learn.data.examples import Inputs, take_inputs
from app.learn.tasks.contract import Objective, objective_for

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Batch = dict[str, Tensor]
_PROBE = 8


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


def move_batch(batch: Batch, device: torch.device) -> Batch:
    """The batch on `device`."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


class HeadedNetwork(Network):
    """A network whose head, if it has one, is the module `classifier` on features (n, width)."""

    classifier: nn.Module | None

    @property
    @abc.abstractmethod
    def width(self) -> int:
        """Numbers in a text's vector, as the head reads it."""

    def head(self, features: Tensor) -> Tensor:
        """Logits float32 (n, classes); RuntimeError without a head."""
        if self.classifier is None:
            raise RuntimeError("A plain encoder has no head until `add_head` ran.")
        logits: Tensor = self.classifier(features)
        return logits.float()

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """The linear head's weight and bias; nothing without a head."""
        return iter(()) if self.classifier is None else self.classifier.parameters()

    def add_head(self, labels: tuple[str, ...]) -> None:
        """A fresh linear head for `labels`; ValueError when there is one already."""
        if self.classifier is not None:
            raise ValueError("This network has a head already.")
        device = next(self.parameters()).device
        self.classifier = nn.Linear(self.width, len(labels), device=device)
        self.labels = labels


@dataclass(frozen=True)
class TokenVocabulary:
    """A tokenizer and the rows that its ids stand for.

    `tokenizer` is a copy that neither cuts nor pads; `rows`: the embedding's own parameter,
    float32 (ids, width), at least one for each of its ids; `prefix` stands before each text;
    `named` are the ids that the network itself knows by name (`pad_token_id`, for instance). In
    the network's file a number takes `number_bytes`.
    """

    tokenizer: Tokenizer
    rows: Tensor
    prefix: str
    named: dict[str, int]
    number_bytes: int = 4


@runtime_checkable
class HasTokenVocabulary(Protocol):
    """A Network whose vocabulary can be looked at and changed."""

    def vocabulary(self) -> TokenVocabulary:
        """The tokenizer and the embedding as they are; ValueError where no embedding has rows."""

    def change_vocabulary(
        self, tokenizer: Tokenizer, rows: Tensor, renamed: dict[str, str] | None = None
    ) -> None:
        """Read by `tokenizer` from now on, with `rows` float32 (ids, width) for its ids.

        `renamed` gives the new names of special tokens that are called otherwise in it. Such a
        network is saved with this tokenizer.
        """

    def token_states(self, batch: Batch) -> Tensor:
        """The body's answer for each token, float32 (n, tokens, width)."""


class ParameterSnapshot:
    """The parameters and buffers as they are now; with `head_only` those of the head alone."""

    def __init__(self, network: Network, head_only: bool = False) -> None:
        head = {id(p) for p in network.head_parameters()}
        self._kept = {
            name: tensor.detach().clone()
            for name, tensor in network.state_dict(keep_vars=True).items()
            if not head_only or id(tensor) in head
        }

    @torch.no_grad()
    def restore(self, network: Network) -> None:
        """Put them back, wherever the network is by now."""
        network.load_state_dict(self._kept, strict=False)


@torch.no_grad()
def shift_logits(network: Network, shift: np.ndarray, inputs: Inputs) -> bool:
    """Add `shift` (float (classes,)) to the head's last bias; False, and nothing done, without one.

    The network must be in eval mode; on a few of `inputs` it is tried that the logits do move.
    """
    wanted = (len(network.labels),)
    biases = [p for p in network.head_parameters() if tuple(p.shape) == wanted]
    if not biases:
        return False
    bias = biases[-1]
    batch = network.collate(take_inputs(inputs, np.arange(min(_PROBE, len(inputs)))))
    batch = move_batch(batch, bias.device)
    before = network(batch).float()
    kept, added = bias.clone(), torch.from_numpy(shift).to(bias)
    bias.add_(added)
    if torch.allclose(network(batch).float(), before + added, atol=1e-3):
        return True
    bias.copy_(kept)
    return False
