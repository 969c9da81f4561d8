"""`auto`: tries the candidates within a budget of seconds, selects one and reports on all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from app.learn.callbacks import Monitor, SubProgress
from app.learn.comparison import paired_difference
from app.learn.vector_cache import MemoryVectorCache
from app.methods.auto.candidates import (
    Cost,
    HeadAverage,
    Trial,
    find_candidates,
    split_for_cross_validation,
)
from app.methods.contract import MethodInput, MethodOutput, OutOfFold

_OUT_OF_TIME = "The seconds were used up before it had answered every fold."
_T = TypeVar("_T", bound=Trial | HeadAverage)
SELECTION_RULE = (
    "Candidates that fit a linear head are averaged, unless the 95% interval says that they are "
    "behind the best of their kind, and the average is a candidate too. Of the candidates whose "
    "score is within one standard error (paired jackknife) of the best, the one that changes "
    "least of the model is taken, and among those that change as much the average, or else the "
    "one named first."
)


def run(method_input: MethodInput, monitor: Monitor) -> MethodOutput:
    """Try every candidate that the data allows, choose one, fit it on all labelled rows.

    Candidates are compared on out-of-fold answers to the training and validation rows together:
    with few labels a split-off validation set would be too small to tell anything apart.
    """
    began = time.monotonic()
    method_input = replace(method_input, vectors=method_input.vectors or MemoryVectorCache())
    cross_validation = split_for_cross_validation(method_input)
    entries, reasons = find_candidates(method_input, len(cross_validation.rows))
    trials = [Trial(entry, cross_validation) for entry in entries]
    run_trials(trials, method_input.parameters.seconds, SubProgress(monitor, 0.0, 0.85))
    choice = select_candidate(trials)
    seconds = time.monotonic() - began
    output = choice.winner.fit(SubProgress(monitor, 0.85, 1.0))
    out_of_fold = nested_cross_validation(trials)
    report = report_candidates(trials, reasons, choice, out_of_fold, seconds)
    stopped = f"{choice.winner.entry.name} was chosen among {len(trials)} candidates. "
    monitor.progress("fitting the chosen candidate", 1.0)
    return MethodOutput(
        network=output.network,
        history=output.history,
        stopped=stopped + output.stopped,
        report=report | {"chosen_report": output.report},
        rebuilt=output.rebuilt,
        notes=output.notes,
        fitted_on_validation=True,
        out_of_fold=out_of_fold,
    )


def run_trials(trials: list[Trial], seconds: float, monitor: Monitor) -> None:
    """Advance the trials until all are complete or stopped.

    Candidates that change the head or the encoder answer all folds at once. Those that train
    every parameter go by successive halving (Jamieson and Talwalkar, 2016), where the resource is
    the number of folds answered: after the first fold, and again after the third, the better half
    goes on, if it is not behind the best of the others by more than one standard error.
    """
    deadline = time.monotonic() + seconds
    quick = [trial for trial in trials if trial.entry.cost is not Cost.BODY]
    slow = [trial for trial in trials if trial.entry.cost is Cost.BODY]
    share = 0.5 if slow else 1.0
    # The untouched model first: it needs no training, so one candidate is complete in any case.
    quick.sort(key=lambda trial: (trial.entry.method is not None, trial.entry.cost))
    for number, trial in enumerate(quick):
        part = SubProgress(monitor, share * number / len(quick), share * (number + 1) / len(quick))
        if any(one.complete and one.entry.name == trial.entry.superseded_by for one in quick):
            other = trial.entry.superseded_by
            trial.stop_reason = f"It was skipped: {other} fits the same parameters, and was tried."
            trial.duplicate = True
            continue
        every_fold = list(range(trial.cross_validation.count))
        _advance(trial, every_fold, deadline if number else float("inf"), part)
    _successive_halving(slow, quick, deadline, SubProgress(monitor, share, 1.0))
    monitor.progress("comparing candidates", 1.0)


def _successive_halving(
    slow: list[Trial], quick: list[Trial], deadline: float, monitor: Monitor
) -> None:
    if not slow:
        return
    count = slow[0].cross_validation.count
    rungs = [folds for folds in ([0], [1, 2], list(range(3, count))) if folds and folds[0] < count]
    for number, folds in enumerate(rungs):
        part = SubProgress(monitor, number / len(rungs), (number + 1) / len(rungs))
        running = [trial for trial in slow if trial.stop_reason is None]
        for place, trial in enumerate(running):
            turn = SubProgress(part, place / len(running), (place + 1) / len(running))
            _advance(trial, [fold for fold in folds if fold < count], deadline, turn)
        if number + 1 < len(rungs):
            _stop_worse_half(slow, quick)


def _stop_worse_half(slow: list[Trial], quick: list[Trial]) -> None:
    running = [trial for trial in slow if trial.stop_reason is None]
    if not running:
        return
    answered = np.concatenate(
        [running[0].cross_validation.held_out(fold) for fold in sorted(running[0].folds_done)]
    )
    ranked = sorted(running, key=lambda trial: -score(trial, answered))
    half = (len(ranked) + 1) // 2
    for trial in ranked[half:]:
        trial.stop_reason = (
            f"After {len(trial.folds_done)} folds it was in the worse half of its kind."
        )
    rivals = [trial for trial in quick if trial.complete]
    leader = max(rivals, key=lambda trial: score(trial, answered), default=None)
    for trial in ranked[:half]:
        if leader is not None and not within_standard_error(
            difference_to_best(trial, leader, answered)
        ):
            trial.stop_reason = (
                f"After {len(trial.folds_done)} folds it was behind {leader.entry.name}."
            )


def _advance(trial: Trial, folds: list[int], deadline: float, monitor: Monitor) -> None:
    name = trial.entry.name
    if time.monotonic() > deadline:
        trial.stop_reason = "The seconds were used up before its turn."
        return
    monitor.progress(f"trying {name}", 0.0)
    try:
        trial.advance(folds, Deadline(monitor, deadline))
    except DeadlinePassed:
        trial.stop_reason = _OUT_OF_TIME
    monitor.progress(f"trying {name}", 1.0)
    monitor.event(
        "candidate", name=name, folds=len(trial.folds_done), seconds=round(trial.seconds, 2)
    )


class DeadlinePassed(Exception):
    """Raised out of a computation whose seconds are used up."""


class Deadline:
    """A Monitor that raises DeadlinePassed from `deadline` (monotonic) on; else `parent`'s."""

    def __init__(self, parent: Monitor, deadline: float) -> None:
        self._parent = parent
        self._deadline = deadline

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Report; raises `DeadlinePassed`, or the parent's `Cancelled`."""
        self._parent.progress(phase, fraction, **facts)
        if time.monotonic() > self._deadline:
            raise DeadlinePassed

    def event(self, kind: str, **data: Any) -> None:
        """Left out: the checks of every fold of every candidate would bury the history."""


@dataclass(frozen=True)
class Selection:
    """The winner, and each complete candidate's paired difference to the best (best minus it).

    `average` is that of the candidates with no certain difference, None of fewer than two.
    """

    winner: Trial | HeadAverage
    best: Trial | HeadAverage
    differences: dict[str, dict[str, Any]]
    average: HeadAverage | None


def select_candidate(trials: list[Trial], positions: np.ndarray | None = None) -> Selection:
    """One of the complete `trials`, given in the grid's order; at least one is complete.

    Only the rows at `positions` (int (k,)) are looked at, all unless given.
    """
    complete: list[Trial | HeadAverage] = [trial for trial in trials if trial.complete]
    average = _average(trials, positions)
    if average is not None:
        complete.insert(0, average)
    best = _best(complete, positions)
    differences = {
        trial.entry.name: difference_to_best(trial, best, positions) for trial in complete
    }
    ordered = sorted(complete, key=lambda trial: trial.entry.cost)
    winner = next(
        trial
        for trial in ordered
        if trial is best or within_standard_error(differences[trial.entry.name])
    )
    return Selection(winner, best, differences, average)


def nested_cross_validation(trials: list[Trial]) -> OutOfFold | None:
    """Answers to every row by the candidate that the other folds' rows would have chosen.

    The choice itself is cross-validated: the winner's own answers flatter it, since it is the one
    that did best on these rows (Cawley and Talbot, 2010). None of a single cluster of
    rows, which tell of each other.
    """
    cross_validation = trials[0].cross_validation
    if len(np.unique(cross_validation.clusters)) < 2:
        return None
    answers = np.zeros_like(trials[0].answers)
    for fold in range(cross_validation.count):
        held_out = cross_validation.held_out(fold)
        others = np.flatnonzero(cross_validation.folds != fold)
        answers[held_out] = select_candidate(trials, others).winner.answers[held_out]
    return OutOfFold(cross_validation.rows, answers)


def _average(trials: list[Trial], positions: np.ndarray | None) -> HeadAverage | None:
    """Of the candidates that may be averaged and are not behind their best by more than chance.

    None where these are fewer than two.
    """
    found = [t for t in trials if t.complete and t.entry.averaged and t.logits is not None]
    if len(found) < 2:
        return None
    best = _best(found, positions)
    lows = [difference_to_best(trial, best, positions)["low"] for trial in found]
    members = [t for t, low in zip(found, lows, strict=True) if low is None or low <= 0.0]
    return HeadAverage(members) if len(members) > 1 else None


def _best(trials: Sequence[_T], positions: np.ndarray | None) -> _T:
    return trials[int(np.argmax([score(trial, positions) for trial in trials]))]


def score(trial: Trial | HeadAverage, positions: np.ndarray | None = None) -> float:
    """The objective's primary metric on the rows at `positions`, all unless given."""
    objective, rows = trial.cross_validation.objective, trial.cross_validation.rows
    if positions is None:
        return objective.primary_metric(trial.answers, rows.targets).value
    return objective.primary_metric(trial.answers[positions], rows.targets[positions]).value


def difference_to_best(
    trial: Trial | HeadAverage, best: Trial | HeadAverage, positions: np.ndarray | None = None
) -> dict[str, Any]:
    """By how much `best` is better, with its interval, on the rows at `positions`."""
    rows = np.arange(len(trial.cross_validation.rows)) if positions is None else positions
    return paired_difference(
        best.answers[rows],
        trial.answers[rows],
        trial.cross_validation.rows.targets[rows],
        trial.cross_validation.method_input.seed,
        trial.cross_validation.objective,
        trial.cross_validation.clusters[rows],
    )


def within_standard_error(difference: dict[str, Any]) -> bool:
    """Whether a difference is no greater than its standard error, or has none."""
    error = difference["standard_error"]
    return error is None or bool(difference["difference"] <= error + 1e-9)


def report_candidates(
    trials: list[Trial],
    reasons: dict[str, str],
    choice: Selection,
    out_of_fold: OutOfFold | None,
    seconds: float,
) -> dict[str, Any]:
    """JSON: the rule, and for each candidate its score, seconds and what became of it.

    `out_of_fold` are the answers of the choice as a whole.
    """
    cross_validation = trials[0].cross_validation
    objective = cross_validation.objective
    compared: list[Trial | HeadAverage] = [*trials]
    if choice.average is not None:
        compared.insert(0, choice.average)
    report = [_report_candidate(trial, choice) for trial in compared]
    report += [
        {"name": name, "outcome": "not tried", "reason": reason} for name, reason in reasons.items()
    ]
    return {
        "chosen": choice.winner.entry.name,
        "rule": SELECTION_RULE,
        "metric": objective.metric,
        "score": None
        if out_of_fold is None
        else objective.primary_metric(out_of_fold.answers, out_of_fold.rows.targets).value,
        "rows": len(cross_validation.rows),
        "folds": cross_validation.count,
        "seconds": round(seconds, 2),
        "candidates": report,
        "note": "Each candidate's score is on your labelled rows (training and validation "
        "together), each answered by a model that was fitted on other rows. The `score` above "
        "them is that of choosing: each fold is answered by the candidate that the other folds "
        "would have chosen, so that the luck of the best does not count. The chosen candidate was "
        "then fitted on all rows.",
    }


def _report_candidate(trial: Trial | HeadAverage, choice: Selection) -> dict[str, Any]:
    report: dict[str, Any] = {
        "name": trial.entry.name,
        "method": trial.entry.method,
        "parameters": trial.entry.parameters,
        "folds": len(trial.folds_done),
        "seconds": round(trial.seconds, 2),
    }
    if not trial.complete:
        skipped = isinstance(trial, Trial) and trial.duplicate
        return report | {
            "outcome": "duplicate" if skipped else "stopped",
            "reason": trial.stop_reason,
        }
    difference = choice.differences[trial.entry.name]
    best = trial is choice.best
    report |= {
        "score": score(trial),
        "behind_best": difference["difference"],
        "behind_best_low": None if best else difference["low"],
        "behind_best_high": None if best else difference["high"],
    }
    if trial is choice.winner:
        return report | {"outcome": "chosen", "reason": _selection_reason(choice)}
    return report | {"outcome": "not chosen", "reason": _rejection_reason(trial, choice)}


def _selection_reason(choice: Selection) -> str:
    if choice.winner is choice.best:
        return "It has the best score."
    return (
        f"It is within one standard error of {choice.best.entry.name}, which has the best score, "
        "and is preferred to it by the rule."
    )


def _rejection_reason(trial: Trial | HeadAverage, choice: Selection) -> str:
    """The one reason that holds: too far behind the best, or near it and not preferred."""
    best, winner = choice.best.entry.name, choice.winner
    if trial is not choice.best and not within_standard_error(choice.differences[trial.entry.name]):
        return f"It is behind {best} by more than one standard error."
    preference = "stands before it in the order of the candidates"
    if trial.entry.cost > winner.entry.cost:
        preference = "changes less of the model"
    elif winner is choice.average:
        preference = "averages candidates that cannot be told apart"
    name = winner.entry.name
    if trial is choice.best:
        near = f"{name} is within one standard error of it"
        return f"It has the best score, but {near} and {preference}."
    if winner is choice.best:
        return f"It is within one standard error of {best}, which {preference}."
    return f"It is within one standard error of {best}; so is {name}, which {preference}."
