"""A text network whose frozen body reads each text once, however many heads are trained on it."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from app.learn.bridge import Bridge, Bridgeable
from app.learn.data.examples import Inputs
from app.learn.network import Batch, Network
from app.learn.vector_cache import VectorCache


class Memoised(Network, Bridgeable):
    """Stands in for a network with equal results as long as its body does not change.

    A batch holds the positions of its texts in `vectors`, float32 (texts, width); `unit` says
    that they have length 1. Only the head and the bridge are modules of its own, so that copies
    for different seeds share the vectors.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        vectors: Tensor,
        position: dict[str, int],
        unit: bool = True,
        bridge: Bridge | None = None,
    ) -> None:
        super().__init__()
        self.labels = labels
        self.bridge = bridge
        self.unit = unit
        width = vectors.shape[1]
        self.width = bridge.linear.out_features if bridge and bridge.linear else width
        self.linear = nn.Linear(self.width, max(1, len(self.labels)))
        self._vectors = [vectors]  # in a list, so that deepcopy and state_dict pass it by
        self._position = position

    def __deepcopy__(self, memo: dict[int, object]) -> Memoised:
        bridge = copy.deepcopy(self.bridge, memo)
        twin = Memoised(self.labels, self._vectors[0], self._position, self.unit, bridge)
        twin.linear.load_state_dict(self.linear.state_dict())
        return twin

    @property
    def unit_features(self) -> bool:
        """Whether what the head reads has length 1."""
        return self.unit if self.bridge is None else self.bridge.normalize

    def with_encoder(self, encoder: Network, bridge: Bridge) -> Network:
        """This network's head behind another memoised encoder."""
        assert isinstance(encoder, Memoised)
        made = Memoised(self.labels, encoder._vectors[0], encoder._position, encoder.unit, bridge)
        made.linear.load_state_dict(self.linear.state_dict())
        return made

    def collate(self, inputs: Inputs) -> Batch:
        """int64 (n,) positions of the texts; a KeyError names a text that was not encoded."""
        return {"positions": torch.tensor([self._position[text] for text in inputs])}

    def lengths(self, inputs: Inputs) -> list[int]:
        """Every text costs the same here."""
        return [1] * len(inputs)

    def features(self, batch: Batch) -> Tensor:
        """float32 (n, width), looked up, then bridged."""
        found = self._vectors[0][batch["positions"].cpu()].to(self.linear.weight.device)
        return found if self.bridge is None else self.bridge(found)

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

    def keep_in(self, vectors: VectorCache, digest: str | None) -> None:
        """Put the vectors of all texts into a cache, as those of the encoder with `digest`."""
        assert digest is not None
        vectors.put(digest, list(self._position), self._vectors[0].numpy())
