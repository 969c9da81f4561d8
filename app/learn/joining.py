"""Puts two sets of rows together."""

from __future__ import annotations

import numpy as np

from app.learn.examples import NO_WORD, Examples, Inputs


def join(first: Examples, second: Examples) -> Examples:
    """All rows of `first`, then all of `second`; images must have the same shape.

    Groups are left out: ids of two datasets need not mean the same.
    """
    if isinstance(first.inputs, list) and isinstance(second.inputs, list):
        inputs: Inputs = first.inputs + second.inputs  # type: ignore[operator]
    else:
        inputs = np.concatenate([np.asarray(first.inputs), np.asarray(second.inputs)])
    return Examples(
        inputs=inputs,
        targets=_join_targets(first.targets, second.targets),
        rows=np.concatenate([first.rows, second.rows]),
    )


def _join_targets(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Tags of sentences (n, words) are drawn out to the longest sentence of both."""
    if first.ndim == 2 and first.dtype != bool:
        width = max(first.shape[1], second.shape[1])
        first, second = (
            np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=NO_WORD)
            for part in (first, second)
        )
    return np.concatenate([first, second])
