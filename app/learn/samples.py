"""A smaller training set drawn from a larger one, as if fewer rows had been labelled."""

from __future__ import annotations

import numpy as np

from app.domain.transfers import Sample
from app.learn.apportion import apportion
from app.learn.examples import Examples
from app.learn.leakage import content_numbers
from app.learn.strata import strata


def draw_sample(examples: Examples, sample: Sample, seed: int) -> Examples:
    """`sample.per_class` rows of each label (all of a rarer one), then `sample.rows` in all.

    A row of several labels or tags counts with the rarest of them (`app.learn.strata`).
    The draw in all is stratified, with a row of each label while there are rows for it. A copy of
    a row of the same label is drawn only when no other input of the label is left. With
    one seed a smaller sample per class lies within a larger one. Row order is kept.
    """
    draw = np.random.default_rng(seed)
    labels, contents = strata(examples.targets), content_numbers(examples.inputs)
    by_label = [draw.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    by_label = [rows[_distinct_first(contents[rows])] for rows in by_label]
    if sample.per_class is not None:
        by_label = [rows[: sample.per_class] for rows in by_label]
    if sample.rows is not None:
        sizes = np.array([len(rows) for rows in by_label], dtype=np.int64)
        shares = apportion(sizes, sample.rows, draw)
        by_label = [rows[:share] for rows, share in zip(by_label, shares, strict=True)]
    return examples.take(np.sort(np.concatenate([*by_label, np.empty(0, dtype=np.int64)])))


def _distinct_first(contents: np.ndarray) -> np.ndarray:
    """An order (int64 (n,)) with the first of each content, then the second of each, and so on."""
    order = np.argsort(contents, kind="stable")
    _, starts, counts = np.unique(contents[order], return_index=True, return_counts=True)
    turn = np.empty(len(contents), dtype=np.int64)
    turn[order] = np.arange(len(contents)) - np.repeat(starts, counts)
    return np.argsort(turn, kind="stable")
