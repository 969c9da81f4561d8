"""Features of a frozen body, computed once, so that a head trains in seconds."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.learn.devices import autocast
from app.learn.examples import NO_WORD, Examples, Inputs, take_inputs
from app.learn.monitor import Monitor
from app.learn.network import Network, move

_BATCH = 32
_LARGEST_BYTES = 2 * 1024**3


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

    def vectors(self) -> Tensor:
        """What the head reads one by one: float32 (m, width), of words those that there are."""
        if self.objective.per_word:
            return self.features[self.targets[:, : self.features.shape[1]] != NO_WORD]
        return self.features.flatten(1)


def cache_features(network: Network, examples: Examples, monitor: Monitor) -> CachedRows | None:
    """Run the body over every row once; the network must be in eval mode.

    None where features cannot be kept: they vary in shape with the text and the head reads more
    of them than the first position, or they would take too much memory.
    """
    device = next(network.parameters()).device
    lengths = np.asarray(network.lengths(examples.inputs))
    order = np.argsort(lengths, kind="stable")
    longest = network.objective.answer_shape(examples.inputs)[1]
    parts: list[Tensor] = []
    for start in range(0, len(order), _BATCH):
        inputs = take_inputs(examples.inputs, order[start : start + _BATCH])
        features = _features(network, inputs, device)
        if network.objective.per_word:
            features = functional.pad(features, (0, 0, 0, longest - features.shape[1]))
            part: Tensor | None = features
        else:
            part = _fixed_size(network, features, inputs)
        if part is None or part[0].numel() * 4 * len(order) > _LARGEST_BYTES:
            return None
        parts.append(part)
        monitor.progress("encoding", min(1.0, (start + _BATCH) / len(order)))
    back = torch.from_numpy(np.argsort(order, kind="stable")).to(device)
    targets = torch.from_numpy(examples.targets).to(device)
    return CachedRows(network, torch.cat(parts)[back], targets)


@torch.no_grad()
def _features(network: Network, inputs: Inputs, device: torch.device) -> Tensor:
    with autocast(device):
        features = network.features(move(network.collate(inputs), device))
    return features.float()


@torch.no_grad()
def _fixed_size(network: Network, features: Tensor, inputs: Inputs) -> Tensor | None:
    """The features, or of text features (n, tokens, width) the first position if that is enough.

    A head that pools over tokens needs them all, with their padding; one that reads only the
    first token (RoBERTa's) answers the same without the others, which is what is tried here.
    """
    if features.ndim == 2 or not isinstance(inputs, list):
        return features
    first = features[:, :1]
    if torch.allclose(network.head(first), network.head(features), atol=1e-6):
        return first
    return None
