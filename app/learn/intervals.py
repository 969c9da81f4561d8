"""Measures over rows with their bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.learn.bootstrap import interval, resample_counts

Measures = dict[str, np.ndarray]
_CALIBRATION = "expected_calibration_error"


def with_intervals(
    measure: Callable[[np.ndarray], Measures], rows: int, seed: int
) -> dict[str, dict[str, float]]:
    """Each measure as `{"value", "low", "high"}`, with the 95% percentile bootstrap over rows.

    `measure` takes how often each row counts, float (resamples, rows), and gives each measure by
    name, (resamples,).
    """
    values = {name: float(found[0]) for name, found in measure(np.ones((1, rows))).items()}
    blocks = [measure(counts) for counts in resample_counts(rows, seed)]
    drawn = {name: np.concatenate([block[name] for block in blocks]) for name in values}
    if _CALIBRATION in drawn:
        # The error of binned calibration grows by resampling itself; its interval is moved back.
        calibration = drawn[_CALIBRATION]
        calibration += values[_CALIBRATION] - calibration.mean()
        np.clip(calibration, 0.0, 1.0, out=calibration)
    return {name: _with_interval(values[name], drawn[name]) for name in values}


def ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    """`over / under`, 0 where `under` is 0."""
    return np.divide(over, under, out=np.zeros_like(over, dtype=np.float64), where=under > 0)


def f1_measures(hits: np.ndarray, guesses: np.ndarray, truths: np.ndarray) -> Measures:
    """Micro F1, precision and recall, and macro F1, each (resamples,).

    All three are (resamples, classes); macro F1 is over the classes that occur.
    """
    right, said, there = hits.sum(axis=1), guesses.sum(axis=1), truths.sum(axis=1)
    return {
        "f1": ratio(2 * right, said + there),
        "precision": ratio(right, said),
        "recall": ratio(right, there),
        "macro_f1": macro_f1(hits, guesses, truths),
    }


def macro_f1(hits: np.ndarray, guesses: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """The mean F1 (resamples,) of the classes that occur; all three are (resamples, classes)."""
    occurring = guesses + truths
    return ratio(ratio(2 * hits, occurring).sum(axis=1), np.count_nonzero(occurring, axis=1))


def _with_interval(value: float, drawn: np.ndarray) -> dict[str, float]:
    low, high = interval(drawn)
    return {"value": value, "low": low, "high": high}
