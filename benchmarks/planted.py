"""Planted rows: how many are found, and how many of the finds were planted."""

from __future__ import annotations

import numpy as np

from app.learn.intervals import share_interval

Share = dict[str, float]


class Counts:
    """Counts over several plantings, by the held-out row that a planted row gives away."""

    def __init__(self, held_out: int) -> None:
        self._planted, self._found, self._named = np.zeros((3, held_out))

    def add(self, planted: dict[int, int], found: list[tuple[int, int]]) -> None:
        """`planted`: planted row to held-out row; `found`: pairs of a row and a held-out row."""
        for held in planted.values():
            self._planted[held] += 1
        for row, held in found:
            self._named[held] += 1
            self._found[held] += planted.get(row) == held

    def shares(self) -> dict[str, Share]:
        """`found` of the planted rows and `right` of the finds, with 95% intervals.

        Held-out rows are the clusters, since plantings of one row are alike.
        """
        return {
            "found": share_interval(self._found, self._planted),
            "right": share_interval(self._found, self._named),
        }
