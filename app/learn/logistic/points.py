"""Labelled feature vectors, as a regression reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from app.learn.examples import NO_WORD, Examples


@dataclass(frozen=True)
class Points:
    """Vectors float64 (m, width) with targets: int64 (m,), or bool (m, classes) of several labels.

    `rows`: int64 (m,), the row that each belongs to; words of one sentence belong together.
    """

    vectors: np.ndarray
    targets: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, chosen: np.ndarray) -> Points:
        """Those at `chosen`: bool (m,) or positions."""
        return Points(self.vectors[chosen], self.targets[chosen], self.rows[chosen])

    def moved(self, origin: np.ndarray, scale: float) -> Points:
        """The same points seen from `origin`, in units of `scale`."""
        return replace(self, vectors=(self.vectors - origin) / scale)


def points(features: np.ndarray, examples: Examples) -> Points:
    """Of features (n, ...) or (n, words, width); places without a word are left out."""
    rows, targets = np.arange(len(examples)), examples.targets
    if targets.ndim == 2 and targets.dtype != bool:
        targets = targets[:, : features.shape[1]]
        there = targets != NO_WORD
        return Points(
            features[there].astype(np.float64),
            targets[there],
            np.broadcast_to(rows[:, None], targets.shape)[there],
        )
    flat = features.reshape(len(examples), -1).astype(np.float64)
    return Points(flat, targets, rows)
