"""Honest splits: stratified by label, by whole groups, the same for the same seed."""

from __future__ import annotations

import numpy as np

from app.domain.errors.datasets import TooFewRowsToSplit
from app.learn.apportion import apportion
from app.learn.examples import Examples
from app.learn.strata import strata


def split_off(examples: Examples, fraction: float, seed: int) -> tuple[Examples, Examples]:
    """Split into (rest, held), where held has about `fraction` of each label's rows.

    Rows of several labels or tags count with the rarest of them (`app.learn.strata`).
    Rows of one group stay on one side; a row of the empty group "" stands alone. A label keeps
    at least one row on each side where it has two groups to spare. scikit-learn's splitters do
    not promise that last point, and refuse labels of one row. Row order is kept.
    Raises `TooFewRowsToSplit` when a side would be empty though 0 < fraction < 1.
    """
    groups = _group_numbers(examples)
    counts = _count_labels(groups, strata(examples.targets))
    held_groups = _choose_groups(counts, fraction, np.random.default_rng(seed))
    held = held_groups[groups]
    if 0 < fraction < 1 and (held.all() or not held.any()):
        raise TooFewRowsToSplit(len(examples), len(counts), fraction)
    return examples.take(np.flatnonzero(~held)), examples.take(np.flatnonzero(held))


def _group_numbers(examples: Examples) -> np.ndarray:
    """int64 (n,): which group each row belongs to, counted from 0."""
    if examples.groups is None:
        return np.arange(len(examples))
    keys = [group or ("alone", i) for i, group in enumerate(examples.groups)]
    number = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], dtype=np.int64)


def _count_labels(groups: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """int64 (groups, labels): how many rows of each label each group has."""
    if not len(targets):
        return np.zeros((0, 0), dtype=np.int64)
    counts = np.zeros((groups.max() + 1, targets.max() + 1), dtype=np.int64)
    np.add.at(counts, (groups, targets), 1)
    return counts


def _choose_groups(counts: np.ndarray, fraction: float, draw: np.random.Generator) -> np.ndarray:
    """bool (groups,): a group is held when that brings the held label counts nearer their goal.

    Large groups go first, because small ones can still even out what they leave.
    """
    totals = counts.sum(axis=0)
    missing = apportion(totals, round(totals.sum() * fraction), draw)
    missing[np.count_nonzero(counts, axis=0) < 2] = 0  # a label in one group stays to be learnt
    chosen = np.zeros(len(counts), dtype=bool)
    order = draw.permutation(len(counts))
    for group in order[np.argsort(-counts[order].sum(axis=1), kind="stable")]:
        # |missing - row|² < |missing|², written without the squares that cancel.
        row = counts[group]
        if row @ (2 * missing - row) > 0:
            chosen[group] = True
            missing -= row
    if 0 < fraction < 1:
        _put_each_label_on_both_sides(counts, chosen, order)
    return chosen


def _put_each_label_on_both_sides(
    counts: np.ndarray, chosen: np.ndarray, order: np.ndarray
) -> None:
    """Move one group of a label that stands on one side only, if no other label loses by it."""
    for label in np.argsort(counts.sum(axis=0), kind="stable"):
        having = order[counts[order, label] > 0]
        sides = chosen[having]
        if len(having) < 2 or (sides.any() and not sides.all()):
            continue
        by_size = having[np.argsort(counts[having].sum(axis=1), kind="stable")]
        for group in by_size:
            if _can_leave(counts, chosen, group, label):
                chosen[group] = not chosen[group]
                break


def _can_leave(counts: np.ndarray, chosen: np.ndarray, group: int, label: int) -> bool:
    """Whether no other label of `group` would be left without a row on the side it leaves."""
    in_groups = np.count_nonzero(counts, axis=0)
    stay = (chosen == chosen[group]) & (np.arange(len(counts)) != group)
    at_stake = (counts[group] > 0) & (in_groups > 1)
    at_stake[label] = False
    return bool((counts[stay].sum(axis=0)[at_stake] > 0).all())
