"""Honest splits and folds: stratified by label, by whole clusters, the same for the same seed."""

from __future__ import annotations

import warnings

import numpy as np

from app.domain.errors.datasets import TooFewRowsToSplit
from app.learn.apportion import apportion
from app.learn.examples import Examples
from app.learn.leakage import content_numbers
from app.learn.strata import strata

FOLDS = 5


def split_off(examples: Examples, fraction: float, seed: int) -> tuple[Examples, Examples]:
    """Split into (rest, held), where held has about `fraction` of each label's rows.

    Rows of several labels or tags count with the rarest of them (`app.learn.strata`).
    Rows of one cluster (`clusters`) stay on one side. A label keeps at least one row on each side
    where it has two clusters to spare. scikit-learn's splitters do
    not promise that last point, and refuse labels of one row. Row order is kept.
    Raises `TooFewRowsToSplit` when a side would be empty though 0 < fraction < 1.
    """
    numbers = clusters(examples)
    counts = _count_labels(numbers, strata(examples.targets))
    held = _choose_clusters(counts, fraction, np.random.default_rng(seed))[numbers]
    if 0 < fraction < 1 and (held.all() or not held.any()):
        raise TooFewRowsToSplit(len(examples), len(counts), fraction)
    return examples.take(np.flatnonzero(~held)), examples.take(np.flatnonzero(held))


def clusters(examples: Examples) -> np.ndarray:
    """int64 (n,), counted from 0: rows that tell of each other, and so are never divided.

    Rows of one group or of the same input are, and so are rows that a chain of such pairs joins;
    a row of the empty group "" has no group.
    """
    joined = content_numbers(examples.inputs)
    if examples.groups is None:
        return joined
    named = np.array([bool(group) for group in examples.groups], dtype=bool)
    numbers = np.unique(np.array(examples.groups, dtype=object)[named], return_inverse=True)[1]
    return _connected(joined, np.flatnonzero(named), numbers)


def _connected(contents: np.ndarray, rows: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Joins the contents of the `rows` that have one of the `groups`."""
    if not len(rows):
        return contents
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size, first_group = int(contents.max() + groups.max() + 2), int(contents.max() + 1)
    edges = (np.ones(len(rows)), (contents[rows], first_group + groups))
    parts = connected_components(coo_array(edges, shape=(size, size)), directed=False)[1]
    _, first, numbers = np.unique(parts[contents], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[numbers]


def fold_numbers(examples: Examples, seed: int) -> np.ndarray:
    """int64 (n,): the fold of each row, stratified by label; rows of one cluster share a fold.

    Of a single cluster the rows are divided all the same: what is answered out of these folds can
    choose a setting, but is no promise.
    """
    return stratified_folds(strata(examples.targets), clusters(examples), seed)


def stratified_folds(labels: np.ndarray, numbers: np.ndarray, seed: int) -> np.ndarray:
    """int64 (n,): the fold of each row by its label and cluster, both int64 (n,).

    As many folds as `FOLDS`, fewer where there are fewer clusters; a single cluster is divided by
    rows, and a single row has fold 0.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    folds = np.zeros(len(labels), dtype=np.int64)
    count = len(np.unique(numbers))
    if count == 1:
        numbers, count = np.arange(len(labels)), len(labels)
    most = int(np.bincount(labels).max(initial=0)) if len(labels) else 0
    wanted = min(FOLDS, count, most)
    if wanted < 2:
        return np.asarray(numbers % max(min(2, count), 1))
    alone = count == len(labels)  # then the quicker splitter does
    kind = StratifiedKFold if alone else StratifiedGroupKFold
    splitter = kind(wanted, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rare labels stand in fewer folds than there are
        for number, (_, held) in enumerate(splitter.split(folds, labels, numbers)):
            folds[held] = number
    return folds


def _count_labels(numbers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """int64 (clusters, labels): how many rows of each label each cluster has."""
    if not len(targets):
        return np.zeros((0, 0), dtype=np.int64)
    counts = np.zeros((numbers.max() + 1, targets.max() + 1), dtype=np.int64)
    np.add.at(counts, (numbers, targets), 1)
    return counts


def _choose_clusters(counts: np.ndarray, fraction: float, draw: np.random.Generator) -> np.ndarray:
    """bool (clusters,): one is held when that brings the held label counts nearer their goal.

    Large clusters go first, because small ones can still even out what they leave.
    """
    totals = counts.sum(axis=0)
    missing = apportion(totals, round(totals.sum() * fraction), draw)
    missing[np.count_nonzero(counts, axis=0) < 2] = 0  # a label in one cluster stays to be learnt
    chosen = np.zeros(len(counts), dtype=bool)
    order = draw.permutation(len(counts))
    for cluster in order[np.argsort(-counts[order].sum(axis=1), kind="stable")]:
        # |missing - row|² < |missing|², written without the squares that cancel.
        row = counts[cluster]
        if row @ (2 * missing - row) > 0:
            chosen[cluster] = True
            missing -= row
    if 0 < fraction < 1:
        _put_each_label_on_both_sides(counts, chosen, order)
    return chosen


def _put_each_label_on_both_sides(
    counts: np.ndarray, chosen: np.ndarray, order: np.ndarray
) -> None:
    """Move one cluster of a label that stands on one side only, if no other label loses by it."""
    for label in np.argsort(counts.sum(axis=0), kind="stable"):
        having = order[counts[order, label] > 0]
        sides = chosen[having]
        if len(having) < 2 or (sides.any() and not sides.all()):
            continue
        by_size = having[np.argsort(counts[having].sum(axis=1), kind="stable")]
        for cluster in by_size:
            if _can_leave(counts, chosen, cluster, label):
                chosen[cluster] = not chosen[cluster]
                break


def _can_leave(counts: np.ndarray, chosen: np.ndarray, cluster: int, label: int) -> bool:
    """Whether no other label of `cluster` would be left without a row on the side it leaves."""
    holding = np.count_nonzero(counts, axis=0)
    stay = (chosen == chosen[cluster]) & (np.arange(len(counts)) != cluster)
    at_stake = (counts[cluster] > 0) & (holding > 1)
    at_stake[label] = False
    return bool((counts[stay].sum(axis=0)[at_stake] > 0).all())
