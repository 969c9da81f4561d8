"""Features of a frozen body, computed once for each content and the same in whatever company."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.learn.devices import autocast
from app.learn.encoder_digest import encoder_digest
from app.learn.examples import Inputs, take_inputs
from app.learn.monitor import Monitor
from app.learn.network import Network, move
from app.learn.vector_cache import VectorCache

_ROWS = {"cpu": 8, "cuda": 64}
_LARGEST_BYTES = 2 * 1024**3
# So many new vectors are put into the cache at a time: a cancelled transfer leaves the others.
_KEPT_AT_ONCE = 2048


def encode(
    network: Network, inputs: Inputs, vectors: VectorCache | None, monitor: Monitor
) -> Tensor | None:
    """What the head reads, float32 (n, ...) on the network's device; it must be in eval mode.

    Of words it is (n, words, width), padded to the longest sentence, and kept nowhere.

    Every batch has one shape: inputs of one padded length, and a fixed number of rows (the last
    are repeated where there are fewer). A row of a matrix product depends on the product's shape
    in its last bits, so this is what makes a vector the same whichever other inputs are encoded
    with it, and found in `vectors` or not.

    None where features cannot be kept: they vary in shape with the text and the head reads more
    of them than the first position, or they would take too much memory.
    """
    contents = _contents(inputs)
    if network.objective.per_word:
        vectors = None  # a sentence's features are as long as the longest sentence beside it
    digest = encoder_digest(network) if vectors is not None else None
    found: dict[str, Tensor] = {}
    if vectors is not None and digest is not None:
        known = vectors.get(digest, list(dict.fromkeys(contents)))
        pairs = zip(dict.fromkeys(contents), known, strict=True)
        found = {content: torch.tensor(v) for content, v in pairs if v is not None}
    missing = {c: i for i, c in enumerate(contents) if c not in found}
    fresh: dict[str, Tensor] = {}
    for chosen, part in _encoded(network, inputs, list(missing.values()), monitor):
        if part is None or part[0].numel() * 4 * len(contents) > _LARGEST_BYTES:
            return None
        fresh.update(zip((contents[i] for i in chosen), part.cpu(), strict=True))
        if len(fresh) >= _KEPT_AT_ONCE:
            found |= _keep(fresh, digest, vectors)
            fresh = {}
    found |= _keep(fresh, digest, vectors)
    monitor.progress("encoding", 1.0)
    if not contents:
        return None
    return torch.stack([found[c] for c in contents]).to(next(network.parameters()).device)


def _contents(inputs: Inputs) -> list[str]:
    if not isinstance(inputs, np.ndarray):
        return [one if isinstance(one, str) else "\0".join(one) for one in inputs]
    shape = ",".join(map(str, inputs.shape[1:]))
    return [
        f"image {shape} {hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()}"
        for image in inputs
    ]


def _keep(
    fresh: dict[str, Tensor], digest: str | None, vectors: VectorCache | None
) -> dict[str, Tensor]:
    if fresh and vectors is not None and digest is not None:
        vectors.put(digest, list(fresh), torch.stack(list(fresh.values())).numpy())
    return fresh


def _encoded(
    network: Network, inputs: Inputs, wanted: list[int], monitor: Monitor
) -> Iterator[tuple[list[int], Tensor | None]]:
    """Positions and their features, batch by batch, the shortest first."""
    if not wanted:
        return
    device = next(network.parameters()).device
    words = network.objective.answer_shape(inputs)[1] if network.objective.per_word else 0
    rows = _ROWS.get(device.type, 8)
    groups: dict[int, list[int]] = defaultdict(list)
    for position, length in zip(wanted, network.lengths(_take(inputs, wanted)), strict=True):
        groups[network.padded_length(length)].append(position)
    done = 0
    for length in sorted(groups):
        group = groups[length]
        for start in range(0, len(group), rows):
            chosen = group[start : start + rows]
            full = [chosen[k % len(chosen)] for k in range(rows)]
            batch = _take(inputs, full)
            part = _fixed_size(network, _features(network, batch, device), batch, words)
            yield chosen, None if part is None else part[: len(chosen)]
            done += len(chosen)
            monitor.progress("encoding", done / len(wanted))


def _take(inputs: Inputs, positions: list[int]) -> Inputs:
    return take_inputs(inputs, np.asarray(positions, dtype=np.int64))


@torch.no_grad()
def _features(network: Network, inputs: Inputs, device: torch.device) -> Tensor:
    with autocast(device):
        features = network.features(move(network.collate(inputs), device))
    return features.float()


@torch.no_grad()
def _fixed_size(network: Network, features: Tensor, inputs: Inputs, words: int) -> Tensor | None:
    """The features, or of text features (n, tokens, width) the first position if that is enough.

    Features of words are padded to (n, `words`, width).

    A head that pools over tokens needs them all, with their padding; one that reads only the
    first token (RoBERTa's) answers the same without the others, which is what is tried here.
    """
    if words:
        return functional.pad(features, (0, 0, 0, words - features.shape[1]))
    if features.ndim == 2 or isinstance(inputs, np.ndarray):
        return features
    first = features[:, :1]
    if torch.allclose(network.head(first), network.head(features), atol=1e-6):
        return first
    return None
