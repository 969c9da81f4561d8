"""Translations of held-out rows among rows of another language, found by their vectors."""

from __future__ import annotations

import numpy as np

# Chosen on the dev rows of SIB-200: benchmarks/leakage.py, docs/advice.md.
CLEAR = 0.2
_NEIGHBOURS = 4
_BLOCK = 1024


def find_translations(
    rows: np.ndarray, held_out: np.ndarray, clear: float = CLEAR
) -> list[tuple[int, int, float]]:
    """Mutual nearest neighbours that stand out from their surroundings by at least `clear`.

    `rows` (float (n, width)) and `held_out` (float (m, width)) are vectors of one encoder, each
    minus the mean of its language. The score is the cosine minus the mean cosine of both to their
    four nearest neighbours on the other side: the distance margin of Artetxe and Schwenk (2019).
    (Their ratio margin divides by that mean, which comes near zero once means are removed.) Gives
    (position in `rows`, position in `held_out`, score), the clearest pair first.
    """
    if not len(rows) or not len(held_out):
        return []
    here, there = unit(rows), unit(held_out)
    ours, theirs = _surroundings(here, there), _surroundings(there, here)
    best_there, scores = _best(here, there, ours, theirs)
    best_here, _ = _best(there, here, theirs, ours)
    mutual = np.flatnonzero(best_here[best_there] == np.arange(len(here)))
    found = [(int(i), int(best_there[i]), float(scores[i])) for i in mutual if scores[i] >= clear]
    return sorted(found, key=lambda pair: -pair[2])


def unit(vectors: np.ndarray) -> np.ndarray:
    """Each row at length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    divided: np.ndarray = vectors / np.maximum(lengths, 1e-12)
    return divided


def _surroundings(here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """The mean cosine (n,) of each row to its nearest neighbours on the other side."""
    near = min(_NEIGHBOURS, len(there))
    means = [
        np.partition(here[start : start + _BLOCK] @ there.T, -near, axis=1)[:, -near:].mean(axis=1)
        for start in range(0, len(here), _BLOCK)
    ]
    return np.concatenate(means)


def _best(
    here: np.ndarray, there: np.ndarray, ours: np.ndarray, theirs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each row its counterpart of the highest score, and that score: int (n,), float (n,)."""
    positions, scores = [], []
    for start in range(0, len(here), _BLOCK):
        margin = here[start : start + _BLOCK] @ there.T - theirs[None] / 2
        positions.append(margin.argmax(axis=1))
        scores.append(margin.max(axis=1) - ours[start : start + _BLOCK] / 2)
    return np.concatenate(positions), np.concatenate(scores)
