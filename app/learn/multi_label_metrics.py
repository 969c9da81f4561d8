"""Scores of sets of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from app.learn.intervals import Clusters, Measures, Totals, f1_measures, with_intervals
from app.learn.metrics import per_class

_SHARES = {"subset_accuracy": ("whole", "rows")}
_LOSSES = frozenset({"log_loss"})


def score_label_sets(
    labels: tuple[str, ...],
    probabilities: np.ndarray,
    predicted: np.ndarray,
    targets: np.ndarray,
    losses: np.ndarray,
    clusters: np.ndarray | None = None,
) -> dict[str, Any]:
    """Score `predicted` (bool (n, classes)) against `targets` (bool (n, classes)).

    `clusters` int (n,) are rows that tell of each other, each row by itself unless given.

    Returns micro_f1, micro_precision, micro_recall, macro_f1 (the mean over labels that occur, as
    target or prediction), subset_accuracy (rows whose whole set is right), hamming_loss (the share
    of single decisions that are wrong) and log_loss (the mean of `losses` (n,)), each as
    `{"value", "low", "high"}` as `app.learn.intervals` describes, and `sample`, how many rows and
    clusters there are. `per_class` has precision, recall, f1, support, and average_precision of the
    `probabilities` (None for a label without rows).
    """
    right = (predicted & targets).astype(np.float32)
    said, there = predicted.astype(np.float32), targets.astype(np.float32)
    whole = (predicted == targets).all(axis=1).astype(np.float32)
    wrong = (predicted != targets).mean(axis=1, dtype=np.float32)
    parts = Clusters.of(clusters, len(targets))
    statistics = {
        "rows": np.ones(len(targets)),
        **{"hits": right, "guesses": said, "truths": there},
        **{"whole": whole, "wrong": wrong, "losses": losses},
    }
    classes = per_class(labels, right.sum(axis=0), said.sum(axis=0), there.sum(axis=0))
    for i, one in enumerate(classes):
        one["average_precision"] = _average_precision(probabilities[:, i], targets[:, i])
    scores = with_intervals(_measures, statistics, parts, _SHARES, _LOSSES)
    return {**scores, "sample": parts.described(), "per_class": classes}


def _measures(sums: Totals) -> Measures:
    f1, rows = f1_measures(sums["hits"], sums["guesses"], sums["truths"]), sums["rows"]
    return {
        **{f"micro_{name}": f1[name] for name in ("f1", "precision", "recall")},
        "macro_f1": f1["macro_f1"],
        "subset_accuracy": sums["whole"] / rows,
        "hamming_loss": sums["wrong"] / rows,
        "log_loss": sums["losses"] / rows,
    }


def _average_precision(probabilities: np.ndarray, targets: np.ndarray) -> float | None:
    """The area under precision over recall, by steps; None where no row has the label."""
    return float(average_precision_score(targets, probabilities)) if targets.any() else None
