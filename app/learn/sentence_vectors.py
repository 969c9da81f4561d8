"""The vectors that a network's head reads, of whole lists of texts."""

from __future__ import annotations

import torch
from torch import Tensor

from app.domain.errors.bridging import HeadNotBridgeable, TooFewRowsToCentre
from app.learn.bridge_texts import FEWEST_TO_CENTRE
from app.learn.devices import best_device
from app.learn.encoding import encode
from app.learn.monitor import Monitor
from app.learn.network import Network
from app.learn.vector_cache import VectorCache


def sentence_vectors(
    network: Network, texts: list[str], vectors: VectorCache | None, monitor: Monitor
) -> Tensor:
    """Float32 (n, width) on the CPU, where the network is afterwards; it must be in eval mode.

    Raises `HeadNotBridgeable` where a text has no single vector.
    """
    if not texts:
        monitor.progress("encoding", 1.0)
        return torch.zeros(0, 0)
    try:
        found = encode(network.to(best_device()), texts, vectors, monitor)
    finally:
        network.cpu()
    if found is None or found.ndim != 2:
        raise HeadNotBridgeable(type(network).__name__)
    return found.cpu()


def enough_to_centre(language: str, vectors: Tensor) -> Tensor:
    """`vectors`, which are of one language; raises `TooFewRowsToCentre`."""
    if len(vectors) < FEWEST_TO_CENTRE:
        raise TooFewRowsToCentre(language, len(vectors), FEWEST_TO_CENTRE)
    return vectors
