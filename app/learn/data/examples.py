"""Labelled rows and pairs of texts in memory, as every method receives its data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Words = tuple[str, ...]  # of one sentence, as its tagger took them apart
Inputs = list[str] | list[Words] | np.ndarray
# The target of a place behind the last word of its sentence.
NO_WORD = -100
# With fewer texts a mean says more about their topics than about their language.
MIN_TEXTS_TO_CENTRE = 20


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


def concatenate_examples(first: Examples, second: Examples) -> Examples:
    """All rows of `first`, then all of `second`; images must have the same shape.

    Groups are left out: ids of two datasets need not mean the same.
    """
    if isinstance(first.inputs, list) and isinstance(second.inputs, list):
        inputs: Inputs = first.inputs + second.inputs  # type: ignore[operator]
    else:
        inputs = np.concatenate([np.asarray(first.inputs), np.asarray(second.inputs)])
    return Examples(
        inputs=inputs,
        targets=_concatenate_targets(first.targets, second.targets),
        rows=np.concatenate([first.rows, second.rows]),
    )


def _concatenate_targets(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Tags of sentences (n, words) are drawn out to the longest sentence of both."""
    if first.ndim == 2 and first.dtype != bool:
        width = max(first.shape[1], second.shape[1])
        first, second = (
            np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=NO_WORD)
            for part in (first, second)
        )
    return np.concatenate([first, second])


@dataclass(frozen=True)
class TextPairs:
    """Sentence pairs or word pairs: `source[i]` is translated by `target[i]`."""

    source: tuple[str, ...]
    target: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.source) != len(self.target):
            raise ValueError("pairs need as many sources as targets")

    def __len__(self) -> int:
        return len(self.source)

    def take(self, positions: list[int]) -> TextPairs:
        """The pairs at `positions`, in that order."""
        return TextPairs(
            tuple(self.source[i] for i in positions), tuple(self.target[i] for i in positions)
        )


@dataclass(frozen=True)
class BilingualTexts:
    """Distinct texts of the source and the target language; `pairs` are among them."""

    source_language: str
    target_language: str
    source: list[str]
    target: list[str]
    pairs: TextPairs


def bilingual_texts(
    languages: tuple[str, str],
    source: Iterable[str],
    target: Iterable[str],
    pairs: TextPairs | None,
) -> BilingualTexts:
    """Put texts and pairs of (source, target) `languages` together, each text once."""
    pairs = pairs or TextPairs((), ())
    return BilingualTexts(
        source_language=languages[0],
        target_language=languages[1],
        source=list(dict.fromkeys((*pairs.source, *source))),
        target=list(dict.fromkeys((*pairs.target, *target))),
        pairs=pairs,
    )
