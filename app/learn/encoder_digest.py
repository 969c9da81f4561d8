"""What a network's features depend on, as one digest."""

from __future__ import annotations

import hashlib
from weakref import WeakKeyDictionary

import torch

from app.learn.network import Network

# A large body takes half a second to digest, and is asked for again before it has changed.
_KNOWN: WeakKeyDictionary[Network, tuple[list[tuple[int, int]], str]] = WeakKeyDictionary()


def encoder_digest(network: Network) -> str | None:
    """SHA-256 (hex) of the body's weights and of everything else that decides its features.

    That is `network.body_settings()` (architecture, tokenizer, prefix, pooling, greatest length),
    the kind of device, since a GPU computes in another precision, and torch's version. The head
    does not count. None where the network cannot name its settings: then no vector may be kept.
    """
    versions = _versions(network)
    known = _KNOWN.get(network)
    if known is not None and known[0] == versions:
        return known[1]
    settings = network.body_settings()
    if settings is None:
        return None
    found = _digest(network, settings)
    _KNOWN[network] = (versions, found)
    return found


def _versions(network: Network) -> list[tuple[int, int]]:
    """Where each tensor of the body lies, and how often it was changed there (torch counts)."""
    tensors = [*network.body_parameters(), *network.buffers()]
    return [(tensor.data_ptr(), tensor._version) for tensor in tensors]


def _digest(network: Network, settings: str) -> str:
    device = next(network.parameters()).device.type
    digest = hashlib.sha256(f"{torch.__version__}\0{device}\0{settings}".encode())
    head = {id(parameter) for parameter in network.head_parameters()}
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if id(tensor) not in head:
            digest.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()
