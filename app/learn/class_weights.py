"""Weights by which rare labels count as much as frequent ones."""

from __future__ import annotations

import numpy as np


def class_weights(targets: np.ndarray, classes: int) -> np.ndarray:
    """Float32 (classes,): inverse to each label's frequency in `targets`, 1 on average over rows.

    Labels without rows get 0; they never meet a loss.
    """
    counts = np.bincount(targets, minlength=classes)
    present = np.count_nonzero(counts)
    weights = np.zeros(classes, dtype=np.float32)
    seen = counts > 0
    weights[seen] = len(targets) / (present * counts[seen])
    return weights
