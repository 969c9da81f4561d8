"""What the report says of every candidate."""

from __future__ import annotations

from typing import Any

from app.methods.auto.average import Average
from app.methods.auto.choice import RULE, Choice, score, ties
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
        "note": "Each candidate's score is on your labelled rows (training and validation "
        "together), each answered by a model that was fitted on other rows. The `score` above "
        "them is that of choosing: each fold is answered by the candidate that the other folds "
        "would have chosen, so that the luck of the best does not count. The chosen candidate was "
        "then fitted on all rows.",
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
        skipped = isinstance(trial, Trial) and trial.duplicate
        return told | {"outcome": "duplicate" if skipped else "stopped", "reason": trial.why}
    difference = choice.differences[trial.entry.name]
    best = trial is choice.best
    told |= {
        "score": score(trial),
        "behind_best": difference["difference"],
        "behind_best_low": None if best else difference["low"],
        "behind_best_high": None if best else difference["high"],
    }
    if trial is choice.winner:
        return told | {"outcome": "chosen", "reason": _for(choice)}
    return told | {"outcome": "not chosen", "reason": _against(trial, choice)}


def _for(choice: Choice) -> str:
    if choice.winner is choice.best:
        return "It has the best score."
    return (
        f"It is within one standard error of {choice.best.entry.name}, which has the best score, "
        "and is preferred to it by the rule."
    )


def _against(trial: Trial | Average, choice: Choice) -> str:
    """The one reason that holds: too far behind the best, or near it and not preferred."""
    best, winner = choice.best.entry.name, choice.winner
    if trial is not choice.best and not ties(choice.differences[trial.entry.name]):
        return f"It is behind {best} by more than one standard error."
    why = "stands before it in the order of the candidates"
    if trial.entry.cost > winner.entry.cost:
        why = "changes less of the model"
    elif winner is choice.average:
        why = "averages candidates that cannot be told apart"
    name = winner.entry.name
    if trial is choice.best:
        return f"It has the best score, but {name} is within one standard error of it and {why}."
    if winner is choice.best:
        return f"It is within one standard error of {best}, which {why}."
    return f"It is within one standard error of {best}; so is {name}, which {why}."
