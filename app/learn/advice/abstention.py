"""From which probability on a model's answers are right as often as somebody wants.

With exact bounds on a share of rows (Clopper and Pearson, 1934).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import betaincinv

from app.learn.advice.statements import give_advice, withhold_advice
from app.learn.intervals import Clusters, independent_answers, share_interval

CONFIDENCE = 0.9
_FIRST_LOOK = 0.2  # of the rows: enough that one early mistake does not end the search
_LOOKS = 25


def abstention_threshold(
    probabilities: np.ndarray,
    targets: np.ndarray,
    wanted: float,
    clusters: np.ndarray | None = None,
    out_of_fold: bool = False,
) -> dict[str, Any]:
    """The lowest threshold above which a share `wanted` of the answers is right.

    `probabilities` (float (n, classes)) of rows that the model was not trained on, `targets`
    int (n,), `clusters` int (n,) rows that are not independent: they count for as many as they are
    worth (`app.learn.intervals`). Thresholds are tried from high to low, at numbers of rows fixed
    beforehand; the search ends at the first whose Clopper-Pearson bound falls below `wanted`, so
    that the chosen one holds with `CONFIDENCE` however many are tried (fixed-sequence testing:
    Angelopoulos, Bates, Candès, Jordan and Lei, 2021, "Learn then Test"). Gives
    `threshold`, and of the rows above it `answered`, `coverage`, `precision` and the `bound`.
    `out_of_fold` says that the answers are to training rows, each by a model that was fitted on
    others; without it they are to validation rows.
    """
    rows, needed = len(targets), rows_needed(wanted)
    facts: dict[str, Any] = {
        "wanted_precision": wanted,
        "confidence": CONFIDENCE,
        "rows": rows,
        "answers": "out-of-fold" if out_of_fold else "validation",
    }
    numbers = Clusters.of(clusters, rows).numbers
    independent = len(np.unique(numbers))
    if independent < needed:
        return withhold_advice(
            f"A precision of {wanted:.0%} cannot be promised: even without a mistake that takes "
            f"{needed} independent {'labelled' if out_of_fold else 'validation'} rows, and there "
            f"are {independent}.",
            **facts,
        )
    surest, right, numbers = _surest_first(probabilities, targets, numbers)
    first = max(needed, round(_FIRST_LOOK * rows))
    found = _search(surest, right, numbers, wanted, first)
    if found == 0:
        return withhold_advice(_unpromised(right[surest >= surest[first - 1]], facts), **facts)
    return _chosen(float(surest[found - 1]), right[:found], numbers[:found], facts)


def rows_needed(wanted: float) -> int:
    """The independent rows without which a precision cannot be promised, whatever the answers."""
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(wanted))


def check_threshold(
    probabilities: np.ndarray,
    targets: np.ndarray,
    threshold: float,
    clusters: np.ndarray | None = None,
) -> dict[str, Any]:
    """What the threshold does on other rows: `rows`, `answered`, and two shares with intervals.

    `clusters` int (n,) are rows that are not independent. `coverage` is of rows that get an answer,
    `precision` of right answers among those; null where no row gets one.
    """
    parts = Clusters.of(clusters, len(targets))
    answered = probabilities.max(axis=1) >= threshold
    right = answered & (probabilities.argmax(axis=1) == targets)
    answers = parts.sums(answered)
    return {
        "rows": len(targets),
        "answered": int(answered.sum()),
        "coverage": share_interval(answers, parts.sizes.astype(float)),
        "precision": share_interval(parts.sums(right), answers) if answered.any() else None,
    }


def _unpromised(right: np.ndarray, facts: dict[str, Any]) -> str:
    """Why not even the surest answers, of which `right` (bool (k,)) are right, can be promised."""
    wanted, hits = facts["wanted_precision"], int(right.sum())
    rows = "validation rows"
    if facts["answers"] == "out-of-fold":
        rows = "labelled rows, each answered by a model that was fitted on the others"
    sentence = (
        f"A precision of {wanted:.0%} cannot be promised at any threshold: of the {len(right)} "
        f"surest answers to your {facts['rows']} {rows}, {hits} are right"
    )
    if hits < wanted * len(right):
        return f"{sentence}, which is too few ({hits / len(right):.0%})."
    return f"{sentence}, but on so few independent rows that may be luck. Send more labelled rows."


def _chosen(
    threshold: float, right: np.ndarray, numbers: np.ndarray, facts: dict[str, Any]
) -> dict[str, Any]:
    """The advice to answer the rows that `right` (bool (k,)) is about, and no others."""
    hits, answered = int(right.sum()), len(right)
    coverage, wanted = answered / facts["rows"], facts["wanted_precision"]
    return give_advice(
        f"Answer only where the probability is at least {threshold:.3f}: with {CONFIDENCE:.0%} "
        f"confidence {wanted:.0%} of such answers are right, and about {coverage:.0%} of the "
        "rows get one.",
        **facts,
        threshold=threshold,
        answered=answered,
        coverage=coverage,
        precision=hits / answered,
        bound=_bound(right, numbers),
    )


def _bound(right: np.ndarray, numbers: np.ndarray) -> float:
    """The share of right answers that holds with `CONFIDENCE`; `numbers` (k,) of clusters."""
    parts = Clusters.of(numbers, len(right))
    worth = independent_answers(parts.sums(right), parts.sizes.astype(float))
    return lower_bound(float(right.mean()) * worth, worth, CONFIDENCE)


def _surest_first(
    probabilities: np.ndarray, targets: np.ndarray, numbers: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of the answers, falling, whether each is right, and its cluster."""
    surest = probabilities.max(axis=1)
    order = np.argsort(-surest, kind="stable")
    return surest[order], (probabilities.argmax(axis=1) == targets)[order], numbers[order]


def _search(
    surest: np.ndarray, right: np.ndarray, numbers: np.ndarray, wanted: float, first: int
) -> int:
    """How many of the surest rows may be answered; 0 where the first look fails already."""
    rows, found = len(surest), 0
    looks = np.unique(np.linspace(first, rows, _LOOKS).round().astype(int))
    for look in looks:
        # Rows of equal probability are answered together or not at all.
        answered = int((surest >= surest[look - 1]).sum())
        if _bound(right[:answered], numbers[:answered]) < wanted:
            break
        found = answered
    return found


def lower_bound(hits: float, rows: float, confidence: float) -> float:
    """The share that is not undercut with one-sided `confidence`; 0 without hits or rows.

    Neither need be an integer: clustered rows are worth any number of independent ones.
    """
    return float(betaincinv(hits, rows - hits + 1, 1 - confidence)) if hits else 0.0


def upper_bound(hits: int, rows: int, confidence: float) -> float:
    """The share that is not exceeded with one-sided `confidence`; 1 where all rows are hits."""
    return float(betaincinv(hits + 1, rows - hits, confidence)) if hits < rows else 1.0


def share(hits: int, rows: int) -> dict[str, float]:
    """`value`, `low` and `high` of a share of at least one row, with 95% confidence."""
    low, high = lower_bound(hits, rows, 0.975), upper_bound(hits, rows, 0.975)
    return {"value": hits / rows, "low": low, "high": high}
