"""Which candidate is promoted: the one that is preferred among those that tie with the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from app.learn.paired import paired_difference
from app.methods.auto.average import Average
from app.methods.auto.trial import Trial
from app.methods.contract import OutOfFold

_T = TypeVar("_T", bound=Trial | Average)
RULE = (
    "Candidates that fit a linear head are averaged, unless the 95% interval says that they are "
    "behind the best of their kind, and the average is a candidate too. Of the candidates whose "
    "score is within one standard error (paired jackknife) of the best, the one that changes "
    "least of the model is taken, and among those that change as much the average, or else the "
    "one named first."
)


@dataclass(frozen=True)
class Choice:
    """The winner, and each complete candidate's paired difference to the best (best minus it).

    `average` is that of the candidates that cannot be told apart, None of fewer than two.
    """

    winner: Trial | Average
    best: Trial | Average
    differences: dict[str, dict[str, Any]]
    average: Average | None


def choose(trials: list[Trial], positions: np.ndarray | None = None) -> Choice:
    """One of the complete `trials`, given in the grid's order; at least one is complete.

    Only the rows at `positions` (int (k,)) are looked at, all unless given.
    """
    complete: list[Trial | Average] = [trial for trial in trials if trial.complete]
    average = _average(trials, positions)
    if average is not None:
        complete.insert(0, average)
    best = _best(complete, positions)
    differences = {trial.entry.name: behind(trial, best, positions) for trial in complete}
    ordered = sorted(complete, key=lambda trial: trial.entry.cost)
    winner = next(
        trial for trial in ordered if trial is best or ties(differences[trial.entry.name])
    )
    return Choice(winner, best, differences, average)


def nested_answers(trials: list[Trial]) -> OutOfFold | None:
    """Answers to every row by the candidate that the other folds' rows would have chosen.

    The choice itself is cross-validated: the winner's own answers flatter it, since it is the one
    that did best on these rows (Cawley and Talbot, 2010). None of a single cluster of
    rows, which tell of each other.
    """
    pool = trials[0].pool
    if len(np.unique(pool.clusters)) < 2:
        return None
    answers = np.zeros_like(trials[0].answers)
    for fold in range(pool.count):
        held = pool.held(fold)
        others = np.flatnonzero(pool.folds != fold)
        answers[held] = choose(trials, others).winner.answers[held]
    return OutOfFold(pool.rows, answers)


def _average(trials: list[Trial], positions: np.ndarray | None) -> Average | None:
    """Of the candidates that may be averaged and are not behind their best by more than chance.

    None where these are fewer than two.
    """
    found = [t for t in trials if t.complete and t.entry.averaged and t.logits is not None]
    if len(found) < 2:
        return None
    best = _best(found, positions)
    lows = [behind(trial, best, positions)["low"] for trial in found]
    members = [t for t, low in zip(found, lows, strict=True) if low is None or low <= 0.0]
    return Average(members) if len(members) > 1 else None


def _best(trials: Sequence[_T], positions: np.ndarray | None) -> _T:
    return trials[int(np.argmax([score(trial, positions) for trial in trials]))]


def score(trial: Trial | Average, positions: np.ndarray | None = None) -> float:
    """The objective's headline on the rows at `positions`, all unless given."""
    objective, rows = trial.pool.given.network.objective, trial.pool.rows
    if positions is None:
        return objective.headline(trial.answers, rows.targets).value
    return objective.headline(trial.answers[positions], rows.targets[positions]).value


def behind(
    trial: Trial | Average, best: Trial | Average, positions: np.ndarray | None = None
) -> dict[str, Any]:
    """By how much `best` is better, with its interval, on the rows at `positions`."""
    rows = np.arange(len(trial.pool.rows)) if positions is None else positions
    return paired_difference(
        best.answers[rows],
        trial.answers[rows],
        trial.pool.rows.targets[rows],
        trial.pool.given.seed,
        trial.pool.given.network.objective,
        trial.pool.clusters[rows],
    )


def ties(difference: dict[str, Any]) -> bool:
    """Whether a difference is no greater than its standard error, or that cannot be told."""
    error = difference["standard_error"]
    return error is None or bool(difference["difference"] <= error + 1e-9)
