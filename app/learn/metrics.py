"""Scores of predictions on held-out rows, each with a 95% interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.intervals import Clusters, Measures, Totals, macro_f1, with_intervals
from app.learn.row_statistics import row_statistics

_SHARES = {"accuracy": ("correct", "rows")}
_LOSSES = frozenset({"log_loss"})


def score(
    probabilities: np.ndarray,
    targets: np.ndarray,
    labels: tuple[str, ...],
    clusters: np.ndarray | None = None,
) -> dict[str, Any]:
    """Score `probabilities` (float (n, classes)) against `targets` (int (n,)), n >= 1.

    `clusters` int (n,) are rows that tell of each other, each row by itself unless given.

    Returns accuracy, macro_f1, log_loss (natural logarithm, probabilities of at least 1e-7) and
    expected_calibration_error (15 bins of equal width: Guo et al., 2017), each as
    `{"value", "low", "high"}` as `app.learn.intervals` describes; `sample`, how many rows and
    clusters there are; `per_class`, one dict of label, precision, recall, f1 and support each; and
    `confusion`, rows counted by [true][predicted]. Macro-F1 is over labels that occur, as target
    or prediction.
    """
    rows, parts = row_statistics(probabilities, targets), Clusters.of(clusters, len(targets))
    statistics = {
        "rows": np.ones(len(targets)),
        "correct": rows.correct,
        "losses": rows.losses,
        "hits": rows.hits,
        "guesses": rows.guesses,
        "truths": rows.truths,
        "gaps": rows.gaps,
    }
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (targets, rows.predicted), 1)
    hits, support, guesses = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        **with_intervals(_measures, statistics, parts, _SHARES, _LOSSES),
        "sample": parts.described(),
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


def _measures(sums: Totals) -> Measures:
    n = sums["rows"]
    return {
        "accuracy": sums["correct"] / n,
        "macro_f1": macro_f1(sums["hits"], sums["guesses"], sums["truths"]),
        "log_loss": sums["losses"] / n,
        "expected_calibration_error": np.abs(sums["gaps"]).sum(axis=1) / n,
    }
