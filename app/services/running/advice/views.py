"""How a network sees rows: their vectors, for as many rows as there is time for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from app.learn.examples import Inputs, take_inputs
from app.learn.monitor import Monitor
from app.learn.vector_cache import VectorCache

if TYPE_CHECKING:
    from app.learn.network import Network

MOST_ROWS = 2000
_PILOT = 32


@dataclass(frozen=True)
class Seen:
    """Vectors float32 (k, width), and the positions (int (k,), rising) of the rows they are of."""

    positions: np.ndarray
    vectors: np.ndarray


class NothingSeen(Exception):
    """The network's features are not one vector for each row."""


class View:
    """The vectors that one network makes; each part of the rows is encoded once.

    A part takes at most half of what is left of `seconds`, so the first gets the most: a few rows
    tell how many can be afforded, and these are drawn at random by `seed`.
    """

    def __init__(
        self, network: Network, cache: VectorCache, seconds: float, seed: int, monitor: Monitor
    ) -> None:
        self.network = network
        self._cache = cache
        self._left = seconds
        self._seed = seed
        self._monitor = monitor
        self._kept: dict[str, Seen] = {}

    def of(self, part: str, inputs: Inputs) -> Seen:
        """The vectors of a part of the rows, which `part` names; raises `NothingSeen`."""
        if part not in self._kept:
            self._kept[part] = self._encode(inputs)
        return self._kept[part]

    def _encode(self, inputs: Inputs) -> Seen:
        order = np.random.default_rng(self._seed).permutation(len(inputs))[:MOST_ROWS]
        began = time.monotonic()
        pilot = self._of(take_inputs(inputs, order[:_PILOT]))
        took = max(time.monotonic() - began, 1e-6)
        affordable = int(_PILOT * (self._left / 2 - took) / took)
        chosen = order[: _PILOT + max(affordable, 0)]
        rest = self._of(take_inputs(inputs, chosen[_PILOT:]))
        self._left -= time.monotonic() - began
        back = np.argsort(chosen, kind="stable")
        return Seen(chosen[back], np.concatenate([pilot, rest])[back] if len(rest) else pilot[back])

    def _of(self, inputs: Inputs) -> np.ndarray:
        return _vectors(self.network, inputs, self._cache, self._monitor)


def agree(one: Network, other: Network, inputs: Inputs, monitor: Monitor) -> bool:
    """Whether two networks make the same vectors of the first rows; raises `NothingSeen`."""
    few = take_inputs(inputs, np.arange(min(8, len(inputs))))
    ours, theirs = (_vectors(network, few, None, monitor) for network in (one, other))
    return ours.shape == theirs.shape and np.allclose(ours, theirs, atol=1e-3)


def _vectors(
    network: Network, inputs: Inputs, cache: VectorCache | None, monitor: Monitor
) -> np.ndarray:
    """Float32 (n, width), computed where that is quickest or found in the cache."""
    from app.learn.devices import best_device
    from app.learn.encoding import encode

    if not len(inputs):
        return np.empty((0, 0), dtype=np.float32)
    try:
        features = encode(network.to(best_device()), inputs, cache, monitor)
    finally:
        network.cpu()
    if features is None or network.objective.per_word:
        raise NothingSeen
    vectors: np.ndarray = features.flatten(1).float().cpu().numpy()
    return vectors
