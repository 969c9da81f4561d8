"""Scores of predictions on held-out rows, each with a 95% bootstrap interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.intervals import Measures, macro_f1, with_intervals
from app.learn.row_statistics import BINS, RowStatistics, row_statistics


def score(
    probabilities: np.ndarray, targets: np.ndarray, labels: tuple[str, ...], seed: int = 0
) -> dict[str, Any]:
    """Score `probabilities` (float (n, classes)) against `targets` (int (n,)), n >= 1.

    Returns accuracy, macro_f1, log_loss (natural logarithm, probabilities of at least 1e-7) and
    expected_calibration_error (15 bins of equal width: Guo et al., 2017), each as
    `{"value", "low", "high"}` with the percentile bootstrap over rows; `per_class`, one dict of
    label, precision, recall, f1 and support each; and `confusion`, rows counted by
    [true][predicted]. Macro-F1 is over labels that occur, as target or prediction.
    """
    statistics = row_statistics(probabilities, targets)
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (targets, statistics.predicted), 1)
    hits, support, guesses = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        **with_intervals(lambda counts: _measures(counts, statistics), len(targets), seed),
        "per_class": per_class(labels, hits, guesses, support),
        "confusion": confusion.tolist(),
    }


def per_class(
    labels: tuple[str, ...], hits: np.ndarray, guesses: np.ndarray, support: np.ndarray
) -> list[dict[str, Any]]:
    """Label, precision, recall, f1 and support of each class; the counts are (classes,)."""
    return [
        {
            "label": label,
            "precision": float(hits[i] / guesses[i]) if guesses[i] else 0.0,
            "recall": float(hits[i] / support[i]) if support[i] else 0.0,
            "f1": float(2 * hits[i] / (guesses[i] + support[i])) if hits[i] else 0.0,
            "support": int(support[i]),
        }
        for i, label in enumerate(labels)
    ]


def _measures(counts: np.ndarray, rows: RowStatistics) -> Measures:
    """Each measure (resamples,) of rows taken `counts` (resamples, n) times."""
    n = counts.shape[1]
    return {
        "accuracy": counts @ rows.correct / n,
        "macro_f1": macro_f1(counts @ rows.hits, counts @ rows.guesses, counts @ rows.truths),
        "log_loss": counts @ rows.losses / n,
        "expected_calibration_error": np.abs(counts @ rows.gaps).reshape(-1, BINS).sum(axis=1) / n,
    }
