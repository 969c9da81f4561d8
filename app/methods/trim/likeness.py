"""How much a piece looks like those of some texts rather than like those of any language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

_ORDER = 4
_TRUST = 5.0  # as so much evidence weighs what shorter n-grams say
_CHARACTERS = 400
_START, _END = 2, 3


def likeness(
    names: Sequence[str], seen: np.ndarray, usual: np.ndarray, tick: Callable[[], None]
) -> np.ndarray:
    """The log odds of each name's characters, float64 (names,): under `seen` against `usual`.

    Both are weights (names,), of the names in some texts and in the vocabulary as a whole. They
    are two character models of n-grams up to 4, each interpolated with the next shorter one; the
    difference of their log probabilities is the criterion by which Moore and Lewis (2010,
    "Intelligent Selection of Language Model Training Data") choose sentences of a domain. `tick`
    is called between the steps.
    """
    characters, owner, inside = _laid_out(names)
    odds = np.zeros(len(characters))
    for weights, sign in ((seen, 1.0), (usual, -1.0)):
        odds += sign * np.log(_probabilities(characters, weights[owner] * inside, tick))
    return np.bincount(owner, weights=odds * inside, minlength=len(names))


def _laid_out(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All names in a row, each after start marks and before an end mark.

    The characters as uint64 (places,), the name that each place belongs to, and whether it is
    to be foretold (1.0) or a start mark (0.0).
    """
    before, after = chr(_START) * (_ORDER - 1), chr(_END)
    text = "".join(before + name + after for name in names)
    sizes = np.array([len(name) + _ORDER for name in names])
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    owner = np.repeat(np.arange(len(names)), sizes)
    inside = (characters != _START).astype(np.float64)
    return characters.astype(np.uint64), owner, inside


def _probabilities(
    characters: np.ndarray, weights: np.ndarray, tick: Callable[[], None]
) -> np.ndarray:
    """Of each place's character after those before it, counted with `weights` (places,)."""
    found = np.full(len(characters), 1.0 / _CHARACTERS)
    history = np.zeros(len(characters), dtype=np.uint64)
    for length in range(_ORDER):
        tick()
        if length:
            earlier = np.roll(characters, length)
            history = history * np.uint64(1_000_003) + earlier + np.uint64(1)
        gram = history * np.uint64(0x9E3779B97F4A7C15) + characters
        found = (_total(gram, weights) + _TRUST * found) / (_total(history, weights) + _TRUST)
    return found


def _total(keys: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The summed weight of all places with the same key, for each place."""
    _, place = np.unique(keys, return_inverse=True)
    return np.bincount(place, weights=weights)[place]
