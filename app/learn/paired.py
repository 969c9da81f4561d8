"""Whether one set of predictions is better than another on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.bootstrap import interval, resample_counts


def paired_difference(
    ours: np.ndarray, theirs: np.ndarray, targets: np.ndarray, seed: int = 0
) -> dict[str, Any]:
    """The difference in accuracy, ours minus theirs, by the paired bootstrap over rows.

    `ours`, `theirs`: probabilities, float (n, classes); `targets`: int (n,). `low` and `high`
    bound the difference with 95% confidence; `better_share` is the share of resamples in which
    ours is better, ties counted half (Koehn, 2004; Berg-Kirkpatrick et al., 2012).
    """
    gain = (ours.argmax(axis=1) == targets).astype(np.float32)
    gain -= theirs.argmax(axis=1) == targets
    drawn = np.concatenate([counts @ gain for counts in resample_counts(len(targets), seed)])
    low, high = interval(drawn / len(targets))
    return {
        "metric": "accuracy",
        "difference": float(gain.mean()),
        "low": low,
        "high": high,
        "better_share": float(np.mean((drawn > 0) + 0.5 * (drawn == 0))),
    }
