"""Whether heads trained on growing parts of the rows answer rows that they were not trained on."""

from __future__ import annotations

import time

import numpy as np

from app.learn.monitor import Monitor
from app.learn.splits import stratified_folds

_POINTS = 6


def training_rows(targets: np.ndarray, clusters: np.ndarray, draws: int, seed: int) -> int:
    """How many rows `out_of_fold` trains on at most beside every fold of every draw.

    Four fifths of the rows, fewer where a cluster is larger than a fold.
    """
    largest = 0
    for draw in range(draws):
        largest = max(largest, int(np.bincount(_folds(targets, clusters, seed, draw)).max()))
    return len(targets) - largest


def curve_sizes(most: int, classes: int) -> np.ndarray:
    """Up to six numbers of training rows, each a like factor above the last: int (sizes,).

    The least has two rows for each label on the average, the largest is `most`.
    """
    least = max(2 * classes, round(0.06 * most))
    return np.unique(np.geomspace(min(least, most), most, _POINTS).round().astype(int))


def out_of_fold(
    features: np.ndarray,
    targets: np.ndarray,
    clusters: np.ndarray,
    sizes: np.ndarray,
    draws: int,
    seed: int,
    until: float,
    monitor: Monitor,
) -> np.ndarray:
    """bool (draws, sizes, rows): whether a head trained on `sizes` rows answered each row.

    `features` float (n, width) of a body that never saw these labels, `targets` and `clusters`
    int (n,). Every draw cuts the rows into five folds (stratified, clusters kept whole) and orders
    the rest anew, stratified; a smaller part lies within a larger one. Fewer draws are made when
    `time.monotonic()` passes `until`; the first is always made.
    """
    scaled = _scaled(features)
    answered: list[np.ndarray] = []
    for draw in range(draws):
        if answered and time.monotonic() > until:
            break
        random = np.random.default_rng((seed, draw))
        correct = np.zeros((len(sizes), len(targets)), dtype=bool)
        folds = _folds(targets, clusters, seed, draw)
        for fold in range(folds.max() + 1):
            rest, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            order = rest[_stratified_order(targets[rest], random)]
            for i, size in enumerate(sizes):
                part = order[:size]
                correct[i, held] = _answers(scaled, targets, part, held) == targets[held]
            monitor.progress(
                "drawing the learning curve", (draw + (fold + 1) / (folds.max() + 1)) / draws
            )
        answered.append(correct)
    return np.stack(answered)


def _folds(targets: np.ndarray, clusters: np.ndarray, seed: int, draw: int) -> np.ndarray:
    return stratified_folds(targets, clusters, seed + draw)


def _stratified_order(targets: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A random order of which every beginning has each label in about its own share."""
    place = np.empty(len(targets))
    for label in np.unique(targets):
        rows = random.permutation(np.flatnonzero(targets == label))
        place[rows] = (np.arange(len(rows)) + random.random()) / len(rows)
    return np.argsort(place, kind="stable")


def _answers(
    features: np.ndarray, targets: np.ndarray, part: np.ndarray, held: np.ndarray
) -> np.ndarray:
    if len(np.unique(targets[part])) < 2:
        return np.full(len(held), targets[part[0]])
    from sklearn.linear_model import LogisticRegression

    head = LogisticRegression(C=0.03, max_iter=200).fit(features[part], targets[part])
    answers: np.ndarray = head.predict(features[held])
    return answers


def _scaled(features: np.ndarray) -> np.ndarray:
    """Centred, of mean squared length `width`; one scale for all, which keeps their geometry."""
    centred = features - features.mean(axis=0)
    scaled: np.ndarray = centred / max(float(centred.std()), 1e-12)
    return scaled
