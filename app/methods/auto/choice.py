"""Which candidate is promoted: the one that is preferred among those that tie with the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.learn.paired import paired_difference
from app.learn.splits import clusters
from app.methods.auto.trial import Trial

RULE = (
    "Of the candidates whose score is within one standard error (paired jackknife) of the best, "
    "the one that changes least of the model is taken, and among those that change as much the "
    "one named first."
)


@dataclass(frozen=True)
class Choice:
    """The winner, and each complete trial's paired difference to the best (best minus it)."""

    winner: Trial
    best: Trial
    differences: dict[str, dict[str, Any]]


def choose(trials: list[Trial]) -> Choice:
    """One of the complete `trials`, given in the grid's order; at least one is complete."""
    complete = [trial for trial in trials if trial.complete]
    values = [score(trial) for trial in complete]
    best = complete[int(np.argmax(values))]
    differences = {trial.entry.name: behind(trial, best) for trial in complete}
    ordered = sorted(complete, key=lambda trial: trial.entry.cost)
    winner = next(
        trial for trial in ordered if trial is best or ties(differences[trial.entry.name])
    )
    return Choice(winner, best, differences)


def score(trial: Trial, positions: np.ndarray | None = None) -> float:
    """The objective's headline on the rows at `positions`, all unless given."""
    objective, rows = trial.pool.given.network.objective, trial.pool.rows
    if positions is None:
        return objective.headline(trial.answers, rows.targets).value
    return objective.headline(trial.answers[positions], rows.targets[positions]).value


def behind(trial: Trial, best: Trial, positions: np.ndarray | None = None) -> dict[str, Any]:
    """By how much `best` is better, with its interval, on the rows at `positions`."""
    rows = np.arange(len(trial.pool.rows)) if positions is None else positions
    return paired_difference(
        best.answers[rows],
        trial.answers[rows],
        trial.pool.rows.targets[rows],
        trial.pool.given.seed,
        trial.pool.given.network.objective,
        clusters(trial.pool.rows)[rows],
    )


def ties(difference: dict[str, Any]) -> bool:
    """Whether a difference is no greater than its standard error, or that cannot be told."""
    error = difference["standard_error"]
    return error is None or bool(difference["difference"] <= error + 1e-9)
