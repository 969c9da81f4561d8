"""Scores of predictions on held-out rows, each with a 95% bootstrap interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.learn.bootstrap import interval, resample_counts
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
    once = np.ones((1, len(targets)), dtype=np.float64)
    values = {name: float(found[0]) for name, found in _measures(once, statistics).items()}
    blocks = [_measures(counts, statistics) for counts in resample_counts(len(targets), seed)]
    drawn = {name: np.concatenate([block[name] for block in blocks]) for name in values}
    # The error of binned calibration grows by resampling itself; its interval is moved back.
    calibration = drawn["expected_calibration_error"]
    calibration += values["expected_calibration_error"] - calibration.mean()
    np.clip(calibration, 0.0, 1.0, out=calibration)
    confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(confusion, (targets, statistics.predicted), 1)
    return {
        **{name: _with_interval(values[name], drawn[name]) for name in values},
        "per_class": _per_class(confusion, labels),
        "confusion": confusion.tolist(),
    }


def _with_interval(value: float, drawn: np.ndarray) -> dict[str, float]:
    low, high = interval(drawn)
    return {"value": value, "low": low, "high": high}


def _measures(counts: np.ndarray, rows: RowStatistics) -> dict[str, np.ndarray]:
    """Each measure (resamples,) of rows taken `counts` (resamples, n) times."""
    n = counts.shape[1]
    return {
        "accuracy": counts @ rows.correct / n,
        "macro_f1": _macro_f1(counts @ rows.hits, counts @ rows.guesses, counts @ rows.truths),
        "log_loss": counts @ rows.losses / n,
        "expected_calibration_error": np.abs(counts @ rows.gaps).reshape(-1, BINS).sum(axis=1) / n,
    }


def _macro_f1(hits: np.ndarray, guesses: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """The mean F1 (resamples,) of the classes that occur; all three are (resamples, classes)."""
    occurring = guesses + truths
    f1 = np.divide(2 * hits, occurring, out=np.zeros_like(occurring), where=occurring > 0)
    mean: np.ndarray = f1.sum(axis=1) / np.count_nonzero(occurring, axis=1)
    return mean


def _per_class(confusion: np.ndarray, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    hits, support, guesses = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
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
