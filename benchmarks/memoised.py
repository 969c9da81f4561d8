"""A text network whose frozen body reads each text once, however many heads are trained on it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from app.learn.examples import Inputs
from app.learn.network import Batch, Network


class Memoised(Network):
    """Stands in for `network` with equal results as long as its body does not change.

    A batch holds the positions of its texts in `vectors`, float32 (texts, width). Only the head
    is a module of its own, so that copies for different seeds share the vectors.
    """

    def __init__(self, network: Network, vectors: Tensor, position: dict[str, int]) -> None:
        super().__init__()
        self.labels = network.labels
        self.width = vectors.shape[1]
        self.linear = nn.Linear(self.width, max(1, len(self.labels)))
        self._vectors = [vectors]  # in a list, so that deepcopy and state_dict pass it by
        self._position = position

    def __deepcopy__(self, memo: dict[int, object]) -> Memoised:
        twin = Memoised(self, self._vectors[0], self._position)
        twin.load_state_dict(self.state_dict())
        return twin

    def collate(self, inputs: Inputs) -> Batch:
        """int64 (n,) positions of the texts; a KeyError names a text that was not encoded."""
        return {"positions": torch.tensor([self._position[text] for text in inputs])}

    def lengths(self, inputs: Inputs) -> list[int]:
        """Every text costs the same here."""
        return [1] * len(inputs)

    def features(self, batch: Batch) -> Tensor:
        """float32 (n, width), looked up."""
        return self._vectors[0][batch["positions"].cpu()].to(self.linear.weight.device)

    def head(self, features: Tensor) -> Tensor:
        """Logits (n, classes)."""
        return self.linear(features)

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """The linear head's."""
        return self.linear.parameters()

    def add_head(self, labels: tuple[str, ...]) -> None:
        """A fresh linear head for `labels`."""
        self.labels = labels
        self.linear = nn.Linear(self.width, len(labels))

    def reset(self) -> None:
        """Draw the head anew; the body is not this module's."""
        self.linear.reset_parameters()
