"""Which candidate is promoted: the one that is preferred among those that tie with the best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from app.learn.paired import paired_difference
from app.learn.splits import clusters
from app.methods.auto.trial import Trial
from app.methods.contract import OutOfFold

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


def choose(trials: list[Trial], positions: np.ndarray | None = None) -> Choice:
    """One of the complete `trials`, given in the grid's order; at least one is complete.

    Only the rows at `positions` (int (k,)) are looked at, all unless given.
    """
    complete = [trial for trial in trials if trial.complete]
    values = [score(trial, positions) for trial in complete]
    best = complete[int(np.argmax(values))]
    differences = {trial.entry.name: behind(trial, best, positions) for trial in complete}
    ordered = sorted(complete, key=lambda trial: trial.entry.cost)
    winner = next(
        trial for trial in ordered if trial is best or ties(differences[trial.entry.name])
    )
    return Choice(winner, best, differences)


def nested_answers(trials: list[Trial]) -> OutOfFold | None:
    """Answers to every row by the candidate that the other folds' rows would have chosen.

    The choice itself is cross-validated: the winner's own answers flatter it, since it is the one
    that did best on these rows (Cawley and Talbot, 2010). None where there is a single fold.
    """
    pool = trials[0].pool
    if pool.count < 2:
        return None
    answers = np.zeros_like(trials[0].answers)
    for fold in range(pool.count):
        held = pool.held(fold)
        others = np.flatnonzero(pool.folds != fold)
        answers[held] = choose(trials, others).winner.answers[held]
    return OutOfFold(pool.rows, answers)


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
