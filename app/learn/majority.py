"""The baselines of those who do not look: the most frequent label, and a label at random."""

from __future__ import annotations

import numpy as np


def majority(targets: np.ndarray, count: int, classes: int) -> np.ndarray:
    """Always the most frequent training label: float32 (count, classes).

    The probabilities are the frequencies in `targets` (int (n,)), with one row added to each
    class, so that a label never seen in training does not cost an infinite log loss.
    """
    frequencies = np.bincount(targets, minlength=classes) + 1.0
    answer = (frequencies / frequencies.sum()).astype(np.float32)
    return np.tile(answer, (count, 1))


def chance(targets: np.ndarray, count: int, classes: int, seed: int) -> np.ndarray:
    """A label drawn from `targets` (int (n,)) for each row: float32 (count, classes).

    The probabilities are those of `majority`, with that of the drawn label and the largest
    exchanged.
    """
    answers = majority(targets, count, classes)
    drawn, rows = np.random.default_rng(seed).choice(targets, count), np.arange(count)
    largest = answers[0].argmax() if count else 0
    answers[rows, largest], answers[rows, drawn] = (
        answers[rows, drawn],
        # A little more than others that are as frequent, so that it is the answer.
        answers[rows, largest] + 1e-6,
    )
    return answers
