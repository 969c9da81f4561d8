"""Labelled rows in memory, the one shape in which every method receives its data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Words = tuple[str, ...]  # of one sentence, as its tagger took them apart
Inputs = list[str] | list[Words] | np.ndarray

# The target of a place behind the last word of its sentence.
NO_WORD = -100


@dataclass(frozen=True)
class Examples:
    """Rows of one dataset.

    `inputs`: n texts, n sentences of words, or a uint8 array (n, channels, height, width).
    `targets`: positions in the model's labels. int64 (n,) where each row has one label; bool
    (n, labels) where it has any number; int64 (n, words) for a tag on each word, with `NO_WORD`
    behind the end of a sentence.
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
    """The texts, sentences or images at `positions` (int (k,)), in that order."""
    if isinstance(inputs, np.ndarray):
        return inputs[positions]
    taken: Inputs = [inputs[i] for i in positions]
    return taken


def texts_of(inputs: Inputs) -> list[str]:
    """Texts as they are, sentences of words with spaces between; ValueError for images."""
    if isinstance(inputs, np.ndarray):
        raise ValueError("images are no texts")
    return [one if isinstance(one, str) else " ".join(one) for one in inputs]
