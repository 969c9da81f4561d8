"""How far two samples lie apart, and from which distance on that is no chance.

The Kolmogorov-Smirnov statistic on bins, and the total variation distance between shares, each
against its own distribution when the rows of both samples are dealt out anew (a permutation test;
the counts of a random deal follow a multivariate hypergeometric distribution).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

_DEALS = 1000
_CHANCE = 0.01
# Below this a difference may be certain and still not worth a person's time.
_WORTH_A_LOOK = 0.1


@dataclass(frozen=True)
class Distance:
    """From 0 (alike) to 1; from `matters_from` on it is neither chance (1 in 100) nor small."""

    value: float
    matters_from: float

    @property
    def matters(self) -> bool:
        """Whether the samples differ by more than chance and by more than a little."""
        return self.value >= self.matters_from


def ordered_distance(first: Sequence[int], second: Sequence[int]) -> Distance:
    """The largest difference between the cumulative shares of two histograms over the same bins."""
    return _tested(first, second, lambda gaps: np.abs(gaps.cumsum(axis=-1)).max(axis=-1))


def mixed_distance(first: Sequence[int], second: Sequence[int]) -> Distance:
    """Half the sum of the differences between shares: what would have to change its name."""
    return _tested(first, second, lambda gaps: np.abs(gaps).sum(axis=-1) / 2)


def _tested(
    first: Sequence[int], second: Sequence[int], statistic: Callable[[np.ndarray], np.ndarray]
) -> Distance:
    """`first` and `second`: counts of the same classes, neither of them all 0."""
    one, other = np.asarray(first, np.int64), np.asarray(second, np.int64)
    size, other_size = int(one.sum()), int(other.sum())
    generator = np.random.default_rng(0)
    deals = generator.multivariate_hypergeometric(one + other, size, _DEALS, method="marginals")
    dealt = statistic(deals / size - (one + other - deals) / other_size)
    value = float(statistic(one / size - other / other_size))
    by_chance = float(np.quantile(dealt, 1 - _CHANCE))
    return Distance(round(value, 4), round(max(by_chance, _WORTH_A_LOOK), 4))
