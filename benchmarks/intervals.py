"""The interval of a mean over seeds, on one fixed set of test rows."""

from __future__ import annotations

import numpy as np

RESAMPLES = 2000


def mean_accuracy(correct: np.ndarray, seed: int = 0) -> dict[str, float]:
    """Mean accuracy of several seeds with a 95% percentile bootstrap over rows and seeds.

    `correct`: bool (seeds, rows). Rows and seeds are both drawn with replacement, so that the
    interval covers other test rows as well as other samples and initialisations.
    """
    seeds, rows = correct.shape
    random = np.random.default_rng(seed)
    means = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        some = correct[random.integers(0, seeds, seeds)]
        means[i] = some[:, random.integers(0, rows, rows)].mean()
    low, high = np.quantile(means, [0.025, 0.975])
    return {
        "value": float(correct.mean()),
        "low": float(low),
        "high": float(high),
        "sd": float(correct.mean(axis=1).std(ddof=1)) if seeds > 1 else 0.0,
    }
