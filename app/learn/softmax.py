"""Softmax over the last axis of an array."""

from __future__ import annotations

import numpy as np


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log probabilities, of the shape of `logits` (float (..., classes))."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: np.ndarray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, of the shape of `logits` (float (..., classes))."""
    return np.exp(log_softmax(logits))
