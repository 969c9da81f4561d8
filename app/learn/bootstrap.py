"""Bootstrap resamples of test rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

RESAMPLES = 2000
# So many counts are held in memory at once.
_CELLS = 4_000_000


def resample_counts(rows: int, seed: int, resamples: int = RESAMPLES) -> Iterator[np.ndarray]:
    """How often each row stands in each resample, in blocks of float32 (some resamples, rows).

    Every resample draws `rows` rows with replacement (Efron, 1979). A statistic that is a
    function of sums over rows then needs one matrix product per block.
    """
    rng = np.random.default_rng(seed)
    block = max(1, min(resamples, _CELLS // max(rows, 1)))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = rng.integers(0, rows, size=(size, rows))
        drawn += np.arange(size)[:, None] * rows
        counts = np.bincount(drawn.ravel(), minlength=size * rows)
        yield counts.reshape(size, rows).astype(np.float32)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 2.5% and 97.5% percentiles of a statistic over the resamples (float (resamples,))."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
