"""The baseline of those who do not look: the most frequent label."""

from __future__ import annotations

import numpy as np


def majority(targets: np.ndarray, count: int, classes: int) -> np.ndarray:
    """Always the most frequent training label: float32 (count, classes).

    The probabilities are the frequencies in `targets` (int (n,)), with one row added to each
    class, so that a label never seen in training does not cost an infinite log loss.
    """
    frequencies = np.bincount(targets, minlength=classes) + 1.0
    answer = (frequencies / frequencies.sum()).astype(np.float32)
    return np.tile(answer, (count, 1))
