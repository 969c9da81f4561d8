"""Labelled rows in memory, the one shape in which every method receives its data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Inputs = list[str] | np.ndarray


@dataclass(frozen=True)
class Examples:
    """Rows of one dataset.

    `inputs`: n texts, or a uint8 array (n, channels, height, width).
    `targets`: int64 (n,), positions in the model's labels.
    `rows`: int64 (n,), the rows' numbers in their dataset, counted from 1.
    `groups`: n ids of rows that belong together, or None where the dataset has no such column.
    """

    inputs: Inputs
    targets: np.ndarray
    rows: np.ndarray
    groups: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, positions: np.ndarray) -> Examples:
        """The rows at `positions` (int (k,)), in that order."""
        return Examples(
            inputs=take_inputs(self.inputs, positions),
            targets=self.targets[positions],
            rows=self.rows[positions],
            groups=None if self.groups is None else tuple(self.groups[i] for i in positions),
        )


def take_inputs(inputs: Inputs, positions: np.ndarray) -> Inputs:
    """The texts or images at `positions` (int (k,)), in that order."""
    if isinstance(inputs, list):
        return [inputs[i] for i in positions]
    return inputs[positions]
