"""Features and answers of a network that is not being trained.

A feature is computed once for each content and is the same whichever other inputs are beside it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from app.learn.callbacks import Monitor, NullMonitor
from app.learn.data.examples import NO_WORD, Examples, Inputs, take_inputs
from app.learn.devices import autocast
from app.learn.network import Network, move_batch
from app.learn.vector_cache import VectorCache

_BODY_BATCH = {"cpu": 8, "cuda": 64}
_MAX_BYTES = 2 * 1024**3
# New vectors are put into the cache so many at a time: a cancelled transfer leaves those before.
_VECTORS_PER_WRITE = 2048
_HEAD_BATCH = 4096
# A large body takes half a second to digest, and the digest is wanted often between changes.
_DIGESTS: WeakKeyDictionary[Network, tuple[list[tuple[int, int]], str]] = WeakKeyDictionary()


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
        if part is None or part[0].numel() * 4 * len(contents) > _MAX_BYTES:
            return None
        fresh.update(zip((contents[i] for i in chosen), part.cpu(), strict=True))
        if len(fresh) >= _VECTORS_PER_WRITE:
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
    network: Network, inputs: Inputs, positions: list[int], monitor: Monitor
) -> Iterator[tuple[list[int], Tensor | None]]:
    """Positions and their features, batch by batch, the shortest first."""
    if not positions:
        return
    device = next(network.parameters()).device
    words = network.objective.answer_shape(inputs)[1] if network.objective.per_word else 0
    rows = _BODY_BATCH.get(device.type, 8)
    groups: dict[int, list[int]] = defaultdict(list)
    for position, length in zip(positions, network.lengths(_take(inputs, positions)), strict=True):
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
            monitor.progress("encoding", done / len(positions))


def _take(inputs: Inputs, positions: list[int]) -> Inputs:
    return take_inputs(inputs, np.asarray(positions, dtype=np.int64))


@torch.no_grad()
def _features(network: Network, inputs: Inputs, device: torch.device) -> Tensor:
    with autocast(device):
        features = network.features(move_batch(network.collate(inputs), device))
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


def predict(
    network: Network, inputs: Inputs, batch_size: int = 64, monitor: Monitor | None = None
) -> np.ndarray:
    """Probabilities, float32 (n, classes) or (n, words, classes), in the order of `inputs`.

    Sentences of words are padded to the longest; what stands behind their end means nothing.
    Runs in eval mode on the device where the network is, and leaves the network's mode as it was.
    Inputs of like length share a batch.
    """
    monitor = monitor or NullMonitor()
    order = np.argsort(np.asarray(network.lengths(inputs), dtype=np.int64), kind="stable")
    answers = np.zeros(network.objective.answer_shape(inputs), dtype=np.float32)
    was_training = network.training
    network.eval()
    try:
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            found = _probabilities(network, take_inputs(inputs, chosen))
            if network.objective.per_word:
                answers[chosen, : found.shape[1]] = found
            else:
                answers[chosen] = found
            monitor.progress("predicting", min(1.0, (start + batch_size) / len(order)))
    finally:
        network.train(was_training)
    return answers


@torch.no_grad()
def _probabilities(network: Network, inputs: Inputs) -> np.ndarray:
    device = next(network.parameters()).device
    with autocast(device):
        logits = network(move_batch(network.collate(inputs), device))
    probabilities: np.ndarray = network.objective.probabilities(logits).cpu().numpy()
    return probabilities


def predict_frozen(
    network: Network, inputs: Inputs, vectors: VectorCache | None, monitor: Monitor
) -> np.ndarray:
    """Probabilities, float32 (n, classes) or (n, words, classes), in the order of `inputs`.

    Those of `logits_frozen`; where features cannot be kept, `predict` answers. Runs on the device
    where the network is, and leaves the network's mode as it was.
    """
    logits = logits_frozen(network, inputs, vectors, monitor)
    if logits is None:
        return predict(network, inputs, monitor=monitor)
    answers: np.ndarray = network.objective.probabilities(logits).cpu().numpy()
    return answers


@torch.no_grad()
def logits_frozen(
    network: Network, inputs: Inputs, vectors: VectorCache | None, monitor: Monitor
) -> Tensor | None:
    """Logits, float32 (n, classes) or (n, words, classes), None where features cannot be kept.

    Where `vectors` knows the inputs, the head alone runs; what it does not know is kept there.
    The numbers are the same whatever it holds, and those of `predict` up to rounding.
    """
    was_training = network.training
    network.eval()
    try:
        features = encode(network, inputs, vectors, monitor)
        if features is None:
            return None
        return torch.cat([network.head(part).float() for part in features.split(_HEAD_BATCH)])
    finally:
        network.train(was_training)


class CachedRows:
    """LogitRows of features that are computed already, for training the head alone.

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

    None where features cannot be kept (`app.learn.inference`).
    """
    features = encode(network, examples.inputs, vectors, monitor)
    if features is None:
        return None
    targets = torch.from_numpy(examples.targets).to(features.device)
    return CachedRows(network, features, targets)


def encoder_digest(network: Network) -> str | None:
    """SHA-256 (hex) of the body's weights and of everything else that decides its features.

    That is `network.body_settings()` (architecture, tokenizer, prefix, pooling, greatest length),
    the kind of device, since a GPU computes in another precision, and torch's version. The head
    does not count. None where the network cannot name its settings: then no vector may be kept.
    """
    versions = _versions(network)
    known = _DIGESTS.get(network)
    if known is not None and known[0] == versions:
        return known[1]
    settings = network.body_settings()
    if settings is None:
        return None
    found = _digest(network, settings)
    _DIGESTS[network] = (versions, found)
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
