"""Whole numbers in proportion: how many rows of each label a stratified part gets."""

from __future__ import annotations

import numpy as np


def apportion(sizes: np.ndarray, total: int, draw: np.random.Generator) -> np.ndarray:
    """int64 (labels,): `total` divided in proportion to `sizes`, by largest remainder.

    Every label gets at least 1 while `total` suffices for that; ties are broken by lot. All
    of `sizes` when `total` is more than there is.
    """
    if total >= sizes.sum():
        return sizes.copy()
    exact = sizes * total / sizes.sum()
    shares = np.floor(exact).astype(np.int64)
    if total >= np.count_nonzero(sizes):
        shares = np.maximum(shares, np.minimum(sizes, 1))
    order = draw.permutation(len(sizes))
    while shares.sum() != total:
        gap = (exact - shares)[order]
        if shares.sum() < total:
            shares[order[np.argmax(gap)]] += 1
        else:
            # Lifting rare labels to one row took more than there is: the fullest gives back.
            shares[order[np.argmin(np.where(shares[order] > 1, gap, np.inf))]] -= 1
    return shares
