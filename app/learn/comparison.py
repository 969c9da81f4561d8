"""Permutation tests: two models on the same rows, and how far two samples lie apart (drift).

Drift: the Kolmogorov-Smirnov statistic on bins, and the total variation distance between shares,
each against its own distribution when the rows of both samples are dealt out anew (the counts of
a random deal follow a multivariate hypergeometric distribution).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from app.learn.intervals import (
    FEWEST_CLUSTERS,
    Clusters,
    effective_clusters,
    jackknife_variance,
    student_95,
)
from app.learn.tasks.contract import Objective
from app.learn.tasks.single_label import SingleLabel

SIGNIFICANCE_LEVEL = 0.05
_ENUMERATED = 12  # clusters: 4,096 ways of swapping
_DRAWN = 9_999
_CELLS = 4_000_000
_PERMUTATIONS = 1000
_DRIFT_LEVEL = 0.01
# Below this a difference may be certain and still not worth a person's time.
_LEAST_DRIFT = 0.1


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    targets: np.ndarray,
    seed: int = 0,
    objective: Objective | None = None,
    clusters: np.ndarray | None = None,
) -> dict[str, Any]:
    """The difference in the objective's primary metric, ours minus theirs.

    `first`, `second`: probabilities; `targets`: as in Examples; without an `objective` each row has
    one label and the primary metric is accuracy. `clusters` int (n,) are rows that tell of each
    other, each row by itself unless given.

    `p_value` is two-sided: how often the difference would be as large if the two were swapped at
    random in every cluster (Yeh, 2000), by all ways of swapping or 9,999 drawn by `seed`; for
    rows of one label each it is the exact test of McNemar. `low` and `high` bound the difference
    with 95% confidence: Student's interval on the jackknife's pseudo-values and two more, one for
    either side (Bonett and Price, 2012), and 0 is always inside where `p_value` does not exclude
    it. They are None with fewer than 6 clusters. `standard_error` is the jackknife's, None of a
    single cluster.
    """
    objective = objective or SingleLabel(())
    one, other = objective.primary_metric(first, targets), objective.primary_metric(second, targets)
    parts = Clusters.of(clusters, len(targets))
    sums = np.stack([parts.sums(one.sums), parts.sums(other.sums)])

    def difference(totals: np.ndarray) -> np.ndarray:
        return np.asarray(one.of(totals[0]) - other.of(totals[1]), dtype=np.float64)

    totals = sums.sum(axis=1, keepdims=True)
    value, count = float(difference(totals)[0]), len(parts.sizes)
    left_out = difference(totals - sums) if count > 1 else np.empty(0)
    p_value = _p_value(sums, difference, value, seed)
    low, high = _bounds(value, left_out, parts.sizes, p_value)
    return {
        "metric": objective.metric,
        "difference": value,
        "low": low,
        "high": high,
        "p_value": p_value,
        "standard_error": jackknife_variance(value, left_out) ** 0.5 if count > 1 else None,
        "clusters": count,
    }


def _bounds(
    value: float, left_out: np.ndarray, sizes: np.ndarray, p_value: float
) -> tuple[float | None, float | None]:
    count = len(sizes)
    if count < FEWEST_CLUSTERS:
        return None, None
    pseudo = np.concatenate([count * value - (count - 1) * left_out, [1.0, -1.0]])
    times = student_95(effective_clusters(sizes) + 1)
    half = times * float(pseudo.std()) / len(pseudo) ** 0.5
    low, high = max(-1.0, pseudo.mean() - half), min(1.0, pseudo.mean() + half)
    if p_value >= SIGNIFICANCE_LEVEL:
        low, high = min(low, 0.0), max(high, 0.0)
    return float(min(low, value)), float(max(high, value))


def _p_value(
    sums: np.ndarray,
    difference: Callable[[np.ndarray], np.ndarray],
    value: float,
    seed: int,
) -> float:
    """`sums`: (2, clusters, m), of both sides."""
    unlike = np.flatnonzero((sums[0] != sums[1]).any(axis=1))
    gaps = sums[1, unlike] - sums[0, unlike]
    if not len(gaps):
        return 1.0
    if (exact := _mcnemar(gaps)) is not None:
        return exact
    gaps = gaps[np.lexsort(gaps.T)]  # so that the order of the rows does not matter
    enumerated = len(gaps) <= _ENUMERATED
    as_large = count = 0
    for swapped in _all_ways(len(gaps)) if enumerated else _some_ways(len(gaps), seed):
        moved = swapped @ gaps
        totals = sums.sum(axis=1)[:, None] + np.stack([moved, -moved])
        as_large += int((np.abs(difference(totals)) >= abs(value) - 1e-9).sum())
        count += len(swapped)
    return as_large / count if enumerated else (as_large + 1) / (count + 1)


def _mcnemar(gaps: np.ndarray) -> float | None:
    """The exact test where every unlike cluster has as many right answers more on one side."""
    sizes = np.abs(gaps[:, 0])
    if gaps[:, 1:].any() or (sizes != sizes[0]).any():
        return None
    from scipy.special import bdtr

    fewer = min(int((gaps[:, 0] > 0).sum()), int((gaps[:, 0] < 0).sum()))
    return float(min(1.0, 2 * bdtr(fewer, len(gaps), 0.5)))


def _all_ways(count: int) -> Iterator[np.ndarray]:
    yield np.array(list(product((0.0, 1.0), repeat=count))).reshape(2**count, count)


def _some_ways(count: int, seed: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(seed)
    block = max(1, _CELLS // count)
    for start in range(0, _DRAWN, block):
        size = min(block, _DRAWN - start)
        yield random.integers(0, 2, size=(size, count)).astype(np.float64)


@dataclass(frozen=True)
class SampleDistance:
    """From 0 (alike) to 1; from `matters_from` on it is neither chance (1 in 100) nor small."""

    value: float
    matters_from: float

    @property
    def matters(self) -> bool:
        """Whether the samples differ by more than chance and by more than a little."""
        return self.value >= self.matters_from


def ks_distance(first: Sequence[int], second: Sequence[int]) -> SampleDistance:
    """The largest difference between the cumulative shares of two histograms over the same bins."""
    return _permutation_test(first, second, lambda gaps: np.abs(gaps.cumsum(axis=-1)).max(axis=-1))


def total_variation_distance(first: Sequence[int], second: Sequence[int]) -> SampleDistance:
    """Half the sum of the differences between shares: what would have to change its name."""
    return _permutation_test(first, second, lambda gaps: np.abs(gaps).sum(axis=-1) / 2)


def _permutation_test(
    first: Sequence[int], second: Sequence[int], statistic: Callable[[np.ndarray], np.ndarray]
) -> SampleDistance:
    """`first` and `second`: counts of the same classes, neither of them all 0."""
    one, other = np.asarray(first, np.int64), np.asarray(second, np.int64)
    size, other_size = int(one.sum()), int(other.sum())
    generator = np.random.default_rng(0)
    deals = generator.multivariate_hypergeometric(
        one + other, size, _PERMUTATIONS, method="marginals"
    )
    dealt = statistic(deals / size - (one + other - deals) / other_size)
    value = float(statistic(one / size - other / other_size))
    by_chance = float(np.quantile(dealt, 1 - _DRIFT_LEVEL))
    return SampleDistance(round(value, 4), round(max(by_chance, _LEAST_DRIFT), 4))
