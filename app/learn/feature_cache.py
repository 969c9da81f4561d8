"""Labelled rows as the features of a frozen body, so that a head trains in seconds."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from app.learn.encoding import encode
from app.learn.examples import NO_WORD, Examples
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.vector_cache import VectorCache


class CachedRows:
    """Rows as the features that the head reads: a Material for training the head alone.

    `features`: float32 (n, ...) on the device; of words (n, words, width).
    """

    def __init__(self, network: Network, features: Tensor, targets: Tensor) -> None:
        self.objective = network.objective
        self.features = features
        self.targets = targets
        self.lengths = np.ones(len(targets), dtype=np.int64)
        self._network = network

    def logits(self, positions: np.ndarray) -> Tensor:
        """Float32 (k, classes) or (k, words, classes)."""
        chosen = self.features[torch.from_numpy(positions).to(self.features.device)]
        return self._network.head(chosen).float()

    def take(self, positions: np.ndarray) -> CachedRows:
        """Those at `positions`, int (k,), in their order."""
        chosen = torch.from_numpy(positions).to(self.features.device)
        return CachedRows(self._network, self.features[chosen], self.targets[chosen])

    def vectors(self) -> Tensor:
        """What the head reads one by one: float32 (m, width), of words those that there are."""
        if self.objective.per_word:
            return self.features[self.targets[:, : self.features.shape[1]] != NO_WORD]
        return self.features.flatten(1)


def cache_features(
    network: Network, examples: Examples, monitor: Monitor, vectors: VectorCache | None = None
) -> CachedRows | None:
    """Run the body over every row once at most; the network must be in eval mode.

    None where features cannot be kept (`app.learn.encoding`).
    """
    features = encode(network, examples.inputs, vectors, monitor)
    if features is None:
        return None
    targets = torch.from_numpy(examples.targets).to(features.device)
    return CachedRows(network, features, targets)
