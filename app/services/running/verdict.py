"""What the scores say: whether the transfer was worth it."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Any

import numpy as np

from app.domain.enums import EvaluationKind
from app.learn.objectives.contract import Objective
from app.learn.paired import paired_difference

_NAMES = {
    EvaluationKind.SOURCE_MODEL: "the untouched source model",
    EvaluationKind.TFIDF: "TF-IDF with logistic regression",
    EvaluationKind.WORD_FEATURES: "logistic regression on word features",
    EvaluationKind.LINEAR_PROBE: "logistic regression on the encoder's vectors",
    EvaluationKind.MAJORITY: "the majority class",
}


def compare(
    answered: dict[EvaluationKind, np.ndarray],
    targets: np.ndarray | None,
    objective: Objective,
    seed: int,
    clusters: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """The transferred model's paired difference to each other kind, on the same rows.

    `clusters` int (n,) are rows that tell of each other. Nothing where it answered no test rows.
    """
    ours = answered.get(EvaluationKind.TRANSFERRED)
    if ours is None or targets is None:
        return []
    return [
        {
            "baseline": kind.value,
            **paired_difference(ours, theirs, targets, seed, objective, clusters),
        }
        for kind, theirs in answered.items()
        if kind is not EvaluationKind.TRANSFERRED
    ]


def judge(comparisons: list[dict[str, Any]], evaluated: bool = True) -> dict[str, Any]:
    """`beats_all`, `beaten`, `not_beaten` and the `sentence` that says so.

    A baseline is beaten when the whole 95% interval of the difference lies above zero. Where
    nothing was compared `beats_all` is null.
    """
    if not comparisons:
        sentence = "There was nothing to compare the transferred model with."
        if not evaluated:
            sentence = "The transferred model was not evaluated: no test rows were given."
        return {"beats_all": None, "beaten": [], "not_beaten": [], "sentence": sentence}
    beaten = [one["baseline"] for one in comparisons if one["low"] > 0]
    others = [one for one in comparisons if one["low"] <= 0]
    sentence = "The transferred model beats every baseline."
    if others:
        sentence = "The transferred model does not beat " + "; nor ".join(map(_said, others)) + "."
    return {
        "beats_all": not others,
        "beaten": beaten,
        "not_beaten": [one["baseline"] for one in others],
        "sentence": sentence,
    }


def spread(accounts: list[dict[str, Any]], metric: str) -> dict[str, Any] | None:
    """Mean, sample standard deviation and each test score over repeats; None for one alone."""
    each = [account[metric] for account in accounts if metric in account]
    if len(each) < 2:
        return None
    return {"metric": metric, "mean": mean(each), "sd": stdev(each), "each": each}


def _said(one: dict[str, Any]) -> str:
    low, high = 100 * one["low"], 100 * one["high"]
    name = _NAMES[EvaluationKind(one["baseline"])]
    return f"{name} (difference {100 * one['difference']:+.1f} points, {low:+.1f} to {high:+.1f})"
