"""Runs the candidates within a budget of seconds, cheap ones first."""

from __future__ import annotations

import time

import numpy as np

from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.methods.auto.choice import behind, score, ties
from app.methods.auto.deadline import Deadline, TimeIsUp
from app.methods.auto.grid import Cost
from app.methods.auto.trial import Trial

_LATE = "The seconds were used up before it had answered every fold."


def race(trials: list[Trial], seconds: float, monitor: Monitor) -> None:
    """Advance the trials until all are complete or stopped.

    Candidates that change the head or the encoder answer all folds at once. Those that train
    every parameter go by successive halving (Jamieson and Talwalkar, 2016), where the resource is
    the number of folds answered: after the first fold, and again after the third, the better half
    goes on, if it is not behind the best of the others by more than one standard error.
    """
    until = time.monotonic() + seconds
    quick = [trial for trial in trials if trial.entry.cost is not Cost.BODY]
    slow = [trial for trial in trials if trial.entry.cost is Cost.BODY]
    share = 0.5 if slow else 1.0
    # The untouched model first: it needs no training, so one candidate is complete in any case.
    quick.sort(key=lambda trial: (trial.entry.method is not None, trial.entry.cost))
    for number, trial in enumerate(quick):
        part = Portion(monitor, share * number / len(quick), share * (number + 1) / len(quick))
        everything = list(range(trial.pool.count))
        if any(one.complete and one.entry.name == trial.entry.instead_of for one in quick):
            trial.why = (
                f"It was skipped: {trial.entry.instead_of} fits the same parameters, and was tried."
            )
            trial.duplicate = True
            continue
        _advance(trial, everything, until if number else float("inf"), part)
    _halve(slow, quick, until, Portion(monitor, share, 1.0))
    monitor.progress("comparing candidates", 1.0)


def _halve(slow: list[Trial], quick: list[Trial], until: float, monitor: Monitor) -> None:
    if not slow:
        return
    count = slow[0].pool.count
    rungs = [folds for folds in ([0], [1, 2], list(range(3, count))) if folds and folds[0] < count]
    for number, folds in enumerate(rungs):
        part = Portion(monitor, number / len(rungs), (number + 1) / len(rungs))
        running = [trial for trial in slow if trial.why is None]
        for place, trial in enumerate(running):
            turn = Portion(part, place / len(running), (place + 1) / len(running))
            _advance(trial, [fold for fold in folds if fold < count], until, turn)
        if number + 1 < len(rungs):
            _stop_the_worse(slow, quick)


def _stop_the_worse(slow: list[Trial], quick: list[Trial]) -> None:
    running = [trial for trial in slow if trial.why is None]
    if not running:
        return
    seen = np.concatenate([running[0].pool.held(fold) for fold in sorted(running[0].done)])
    ranked = sorted(running, key=lambda trial: -score(trial, seen))
    half = (len(ranked) + 1) // 2
    for trial in ranked[half:]:
        trial.why = f"After {len(trial.done)} folds it was in the worse half of its kind."
    rivals = [trial for trial in quick if trial.complete]
    leader = max(rivals, key=lambda trial: score(trial, seen), default=None)
    for trial in ranked[:half]:
        if leader is not None and not ties(behind(trial, leader, seen)):
            trial.why = f"After {len(trial.done)} folds it was behind {leader.entry.name}."


def _advance(trial: Trial, folds: list[int], until: float, monitor: Monitor) -> None:
    name = trial.entry.name
    if time.monotonic() > until:
        trial.why = "The seconds were used up before its turn."
        return
    monitor.progress(f"trying {name}", 0.0)
    try:
        trial.advance(folds, Deadline(monitor, until))
    except TimeIsUp:
        trial.why = _LATE
    monitor.progress(f"trying {name}", 1.0)
    monitor.event("candidate", name=name, folds=len(trial.done), seconds=round(trial.seconds, 2))
