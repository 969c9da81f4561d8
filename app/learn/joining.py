"""Puts two sets of rows together."""

from __future__ import annotations

import numpy as np

from app.learn.examples import Examples


def join(first: Examples, second: Examples) -> Examples:
    """All rows of `first`, then all of `second`; images must have the same shape.

    Groups are left out: ids of two datasets need not mean the same.
    """
    if isinstance(first.inputs, list) and isinstance(second.inputs, list):
        inputs: list[str] | np.ndarray = first.inputs + second.inputs
    else:
        inputs = np.concatenate([np.asarray(first.inputs), np.asarray(second.inputs)])
    return Examples(
        inputs=inputs,
        targets=np.concatenate([first.targets, second.targets]),
        rows=np.concatenate([first.rows, second.rows]),
    )
