"""What the report says of every candidate."""

from __future__ import annotations

from typing import Any

from app.methods.auto.average import Average
from app.methods.auto.choice import RULE, Choice, score
from app.methods.auto.trial import Trial
from app.methods.contract import OutOfFold


def account(
    trials: list[Trial],
    reasons: dict[str, str],
    choice: Choice,
    judged: OutOfFold | None,
    seconds: float,
) -> dict[str, Any]:
    """JSON: the rule, and for each candidate its score, seconds and what became of it.

    `judged` are the answers of the choice as a whole.
    """
    pool, objective = trials[0].pool, trials[0].pool.given.network.objective
    compared: list[Trial | Average] = [*trials]
    if choice.average is not None:
        compared.insert(0, choice.average)
    told = [_told(trial, choice) for trial in compared]
    told += [
        {"name": name, "outcome": "not tried", "reason": reason} for name, reason in reasons.items()
    ]
    return {
        "chosen": choice.winner.entry.name,
        "rule": RULE,
        "metric": objective.metric,
        "score": None
        if judged is None
        else objective.headline(judged.answers, judged.rows.targets).value,
        "rows": len(pool.rows),
        "folds": pool.count,
        "seconds": round(seconds, 2),
        "candidates": told,
        "note": "Scores are of labelled target rows, training and validation together, answered "
        "out of fold; `score` is that of the choice itself, made for each fold by the others. "
        "The chosen candidate was then fitted on all of them.",
    }


def _told(trial: Trial | Average, choice: Choice) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": trial.entry.name,
        "method": trial.entry.method,
        "parameters": trial.entry.parameters,
        "folds": len(trial.done),
        "seconds": round(trial.seconds, 2),
    }
    if not trial.complete:
        return told | {"outcome": "stopped", "reason": trial.why}
    difference = choice.differences[trial.entry.name]
    told |= {
        "score": score(trial),
        "behind_best": difference["difference"],
        "behind_best_low": difference["low"],
        "behind_best_high": difference["high"],
    }
    if trial is choice.winner:
        best = trial is choice.best
        reason = "It is the best." if best else f"It ties with {choice.best.entry.name}."
        return told | {"outcome": "chosen", "reason": reason}
    return told | {"outcome": "not chosen", "reason": _against(trial, choice)}


def _against(trial: Trial | Average, choice: Choice) -> str:
    name = choice.winner.entry.name
    if trial is choice.best:
        return f"It is the best, but {name} ties with it and goes before it."
    if trial.entry.cost >= choice.winner.entry.cost:
        return f"{name} goes before it, or it is behind by more than one standard error."
    return f"It is behind {choice.best.entry.name} by more than one standard error."
