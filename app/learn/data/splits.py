"""Splits, folds and samples without leaks: stratified, by whole clusters, the same by seed."""

from __future__ import annotations

import warnings

import numpy as np

from app.domain.errors.transfers import TooFewRowsToSplit
from app.domain.transfers import SampleSize
from app.learn.data.examples import Examples
from app.learn.data.leakage import content_numbers

FOLDS = 5


def split_off(examples: Examples, fraction: float, seed: int) -> tuple[Examples, Examples]:
    """Split into (rest, held), where held has about `fraction` of each label's rows.

    Rows of several labels or tags count with the rarest of them (`app.learn.data.splits`).
    Rows of one cluster (`clusters`) stay on one side. A label keeps at least one row on each side
    where it has two clusters to spare. scikit-learn's splitters do
    not promise that last point, and refuse labels of one row. Row order is kept.
    Raises `TooFewRowsToSplit` when a side would be empty though 0 < fraction < 1.
    """
    numbers = clusters(examples)
    counts = _count_labels(numbers, stratification_labels(examples.targets))
    held = _choose_clusters(counts, fraction, np.random.default_rng(seed))[numbers]
    if 0 < fraction < 1 and (held.all() or not held.any()):
        raise TooFewRowsToSplit(len(examples), len(counts), fraction)
    return examples.take(np.flatnonzero(~held)), examples.take(np.flatnonzero(held))


def clusters(examples: Examples) -> np.ndarray:
    """int64 (n,), counted from 0: rows that are not independent, and so are never divided.

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
    return stratified_folds(stratification_labels(examples.targets), clusters(examples), seed)


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


def draw_sample(examples: Examples, sample: SampleSize, seed: int) -> Examples:
    """`sample.per_class` rows of each label (all of a rarer one), then `sample.rows` in all.

    A row of several labels or tags counts with the rarest of them (`app.learn.data.splits`).
    The draw in all is stratified, with a row of each label while there are rows for it. A copy of
    a row of the same label is drawn only when no other input of the label is left. With
    one seed a smaller sample per class lies within a larger one. Row order is kept.
    """
    draw = np.random.default_rng(seed)
    labels, contents = stratification_labels(examples.targets), content_numbers(examples.inputs)
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


def stratification_labels(targets: np.ndarray) -> np.ndarray:
    """int64 (n,), counted from 0: each row's rarest label, whatever the shape of the targets.

    A row of several labels counts where it is needed most, as in iterative stratification
    (Sechidis et al., 2011). Rows without any label, and sentences whose words all have the same
    most frequent tag, are a stratum of their own. `targets` are as in `Examples`.
    """
    if targets.ndim == 1:
        return targets
    present = targets if targets.dtype == bool else _tags_present(targets)
    frequency = present.sum(axis=0)
    classes = present.shape[1]
    if not len(targets) or not classes:
        return np.zeros(len(targets), dtype=np.int64)
    rarest = np.where(present, frequency, len(targets) + 1).argmin(axis=1)
    return np.where(present.any(axis=1), rarest, classes)


def _tags_present(targets: np.ndarray) -> np.ndarray:
    """bool (n, tags): which tags the words of each sentence have."""
    tags = np.arange(targets.max(initial=-1) + 1)
    return (
        np.stack([(targets == tag).any(axis=1) for tag in tags], axis=1)
        if len(tags)
        else (np.zeros((len(targets), 0), dtype=bool))
    )


def apportion(sizes: np.ndarray, total: int, draw: np.random.Generator) -> np.ndarray:
    """int64 (labels,): `total` divided in proportion to `sizes`, by largest remainder.

    Every label gets at least 1 while `total` suffices for that; ties are broken by lot. All
    of `sizes` when `total` is more than there is.
    """
    if total >= sizes.sum():
        return sizes.copy()
    exact = sizes * total / sizes.sum()
    shares = np.floor(exact).astype(np.int64)
    if total >= np.count_nonzero(sizes):
        shares = np.maximum(shares, np.minimum(sizes, 1))
    order = draw.permutation(len(sizes))
    while shares.sum() != total:
        gap = (exact - shares)[order]
        if shares.sum() < total:
            shares[order[np.argmax(gap)]] += 1
        else:
            # Lifting rare labels to one row took more than there is: the fullest gives back.
            shares[order[np.argmin(np.where(shares[order] > 1, gap, np.inf))]] -= 1
    return shares
