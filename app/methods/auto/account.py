"""What the report says of every candidate."""

from __future__ import annotations

from typing import Any

from app.methods.auto.choice import RULE, Choice, score
from app.methods.auto.pool import Pool
from app.methods.auto.trial import Trial


def account(
    trials: list[Trial], reasons: dict[str, str], choice: Choice, pool: Pool, seconds: float
) -> dict[str, Any]:
    """JSON: the rule, and for each candidate its score, seconds and what became of it."""
    told = [_told(trial, choice) for trial in trials]
    told += [
        {"name": name, "outcome": "not tried", "reason": reason} for name, reason in reasons.items()
    ]
    return {
        "chosen": choice.winner.entry.name,
        "rule": RULE,
        "metric": pool.given.network.objective.metric,
        "rows": len(pool.rows),
        "folds": pool.count,
        "seconds": round(seconds, 2),
        "candidates": told,
        "note": "Scores are of labelled target rows, training and validation together, answered "
        "out of fold. The chosen candidate was then fitted on all of them, so that its own "
        "validation score is not one of unseen rows.",
    }


def _told(trial: Trial, choice: Choice) -> dict[str, Any]:
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


def _against(trial: Trial, choice: Choice) -> str:
    name = choice.winner.entry.name
    if trial is choice.best:
        return f"It is the best, but {name} ties with it and goes before it."
    if trial.entry.cost >= choice.winner.entry.cost:
        return f"{name} goes before it, or it is behind by more than one standard error."
    return f"It is behind {choice.best.entry.name} by more than one standard error."
