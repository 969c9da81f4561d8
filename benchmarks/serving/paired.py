"""Ratios of what was measured in the same alternation, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np

RESAMPLES = 4000


def paired_ratio(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> dict[str, float]:
    """The median of ours / theirs over alternations, with a 95% percentile bootstrap interval.

    What disturbs the machine for a while disturbs both sides of a pair. NaN where theirs is 0, as
    in a run too short for a single answer. Raises ValueError where
    the sides differ in length or are empty.
    """
    ratios = np.array([one / (other or np.nan) for one, other in zip(ours, theirs, strict=True)])
    if not len(ratios):
        raise ValueError("there is nothing to compare")
    drawn = np.random.default_rng(seed).integers(0, len(ratios), (RESAMPLES, len(ratios)))
    low, high = np.quantile(np.median(ratios[drawn], axis=1), [0.025, 0.975])
    return {"value": float(median(ratios)), "low": float(low), "high": float(high)}
