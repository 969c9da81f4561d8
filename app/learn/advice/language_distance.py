"""How far apart the vectors of two languages lie."""

from __future__ import annotations

import numpy as np

from app.learn.advice.translations import unit

_FEWEST = 20


def language_distance(source: np.ndarray, target: np.ndarray, seed: int) -> dict[str, float]:
    """The distance of two languages in one encoder; vectors are float (n, width), raw.

    `mean_distance` is that of the languages' means, in units of the mean distance of a row to
    the mean of its own language: 1 says that language matters as much as meaning.
    `proxy_a_distance` is 2 (1 - 2 e), where e is the held-out error of a linear classifier that
    tells the languages apart (Ben-David et al., 2007): 0 where it cannot, 2 where it always can.
    Raises ValueError with fewer than 20 rows on a side.
    """
    if min(len(source), len(target)) < _FEWEST:
        raise ValueError(f"{_FEWEST} rows of each language are needed")
    means = source.mean(axis=0), target.mean(axis=0)
    spreads = [
        np.linalg.norm(rows - mean, axis=1).mean()
        for rows, mean in zip((source, target), means, strict=True)
    ]
    apart = float(np.linalg.norm(means[0] - means[1]) / max(np.mean(spreads), 1e-12))
    return {"mean_distance": apart, "proxy_a_distance": _proxy(source, target, seed)}


def translation_agreement(source: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """How alike translations are: row i of both (float (n, width)) mean the same.

    `cosine` is the mean over pairs, `cosine_of_others` over pairs that are none, `found` the
    share of rows whose nearest row of the other language is their translation (both ways, each
    language's mean removed), and `cka` the linear CKA of Kornblith et al. (2019).
    """
    here, there = source - source.mean(axis=0), target - target.mean(axis=0)
    ours, theirs = unit(source), unit(target)
    cosines = unit(here) @ unit(there).T
    right = np.arange(len(here))
    found = [(cosines.argmax(axis=axis) == right).mean() for axis in (0, 1)]
    cross = float(np.linalg.norm(here.T @ there)) ** 2
    own = float(np.linalg.norm(here.T @ here)) * float(np.linalg.norm(there.T @ there))
    return {
        "pairs": len(here),
        "cosine": float((ours * theirs).sum(axis=1).mean()),
        "cosine_of_others": float((ours * np.roll(theirs, 1, axis=0)).sum(axis=1).mean()),
        "found": float(np.mean(found)),
        "cka": cross / max(own, 1e-12),
    }


def _proxy(source: np.ndarray, target: np.ndarray, seed: int) -> float:
    """Balanced: equally many rows of each language, by random choice."""
    # Imported here, as in all of this package: most transfers need none of it for their advice.
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    random, most = np.random.default_rng(seed), min(len(source), len(target))
    parts = [rows[random.permutation(len(rows))[:most]] for rows in (source, target)]
    rows = np.concatenate(parts)
    rows = (rows - rows.mean(axis=0)) / max(float(rows.std()), 1e-12)
    sides = np.repeat([0, 1], most)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    guessed = cross_val_predict(LogisticRegression(C=0.1, max_iter=300), rows, sides, cv=folds)
    error = float((guessed != sides).mean())
    return max(0.0, 2 * (1 - 2 * error))
