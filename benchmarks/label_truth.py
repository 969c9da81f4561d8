"""What further labels turn out to be worth, where there are more rows than were at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from app.learn.advice.abstention import share
from app.learn.advice.learning_curve import GAIN

HAND = 200
LATER = (200, 220, 240, 270, 300, 350, 400, 500, 650, 800)
DRAWS = 60


def rows_needed(features: np.ndarray, targets: np.ndarray) -> float | None:
    """Rows beyond `HAND` until accuracy has risen by `GAIN`; None if not within `LATER`.

    The curve of a head trained on drawn rows and scored on all others, the mean of `DRAWS` draws,
    in which a smaller set lies within the larger.
    """
    accuracy = np.zeros(len(LATER))
    for draw in range(DRAWS):
        order = np.random.default_rng(draw).permutation(len(targets))
        for i, size in enumerate(LATER):
            head = fit(features[order[:size]], targets[order[:size]])
            rest = order[size:]
            accuracy[i] += (head.predict(features[rest]) == targets[rest]).mean() / DRAWS
    rising = np.maximum.accumulate(accuracy)  # what sampling bends down is bent back
    if rising[-1] < accuracy[0] + GAIN:
        return None
    return float(np.interp(accuracy[0] + GAIN, rising, LATER)) - HAND


def advice_beside_truth(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Over languages with `needed` and `advised`: how much is told, and how much of it holds.

    `covered` is the share of intervals that hold the truth; `median_factor_off` compares the
    number told with it, and the baseline says that two points cost a doubling of the rows.
    """
    pieces = [(row["needed"], advice) for row in rows for advice in row["advised"]]
    told = [(needed, advice) for needed, advice in pieces if advice["status"] == "given"]
    known = [(needed, advice) for needed, advice in told if needed is not None]
    guesses = [min(advice["further_rows"] or np.inf, 9 * HAND) for _, advice in known]
    needs = np.array([needed for needed, _ in known])
    return {
        "pieces": len(pieces),
        "told": len(told),
        "covered": share(sum(_covers(advice, needed) for needed, advice in told), len(told)),
        "looked_up_to": LATER[-1] - HAND,
        "median_factor_off": _factor(np.array(guesses), needs),
        "baseline_factor_off": _factor(np.full(len(needs), float(HAND)), needs),
    }


def fit(features: np.ndarray, targets: np.ndarray) -> LogisticRegression:
    """The head that the advice is about, on features of one scale."""
    return LogisticRegression(C=0.03, max_iter=300).fit(features, targets)


def _covers(advice: dict[str, Any], needed: float | None) -> bool:
    high = np.inf if advice["high"] is None else advice["high"]
    if needed is None:
        return bool(high > LATER[-1] - HAND)
    # The numbers told are rounded to two digits.
    return bool(0.95 * (advice["low"] or 0) <= needed <= 1.05 * high)


def _factor(guesses: np.ndarray, needs: np.ndarray) -> float:
    off = np.abs(np.log2(np.maximum(guesses, 1) / np.maximum(needs, 1)))
    return float(2 ** np.median(off))
