"""The work of `auto`."""

from __future__ import annotations

import time
from dataclasses import replace

from app.learn.monitor import Monitor
from app.learn.portion import Portion
from app.learn.vector_cache import MemoryVectors
from app.methods.auto.account import account
from app.methods.auto.candidates import candidates
from app.methods.auto.choice import choose, nested_answers
from app.methods.auto.pool import pool
from app.methods.auto.race import race
from app.methods.auto.trial import Trial
from app.methods.contract import MethodInput, MethodOutput


def run(given: MethodInput, monitor: Monitor) -> MethodOutput:
    """Try every candidate that the data allows, choose one, fit it on all labelled rows.

    Candidates are compared on out-of-fold answers to the training and validation rows together:
    with few labels a split-off validation set would be too small to tell anything apart.
    """
    began = time.monotonic()
    given = replace(given, vectors=given.vectors or MemoryVectors())
    rows = pool(given)
    entries, reasons = candidates(given, len(rows.rows))
    trials = [Trial(entry, rows) for entry in entries]
    race(trials, given.parameters.seconds, Portion(monitor, 0.0, 0.85))
    choice = choose(trials)
    seconds = time.monotonic() - began
    output = choice.winner.fit(Portion(monitor, 0.85, 1.0))
    judged = nested_answers(trials)
    told = account(trials, reasons, choice, judged, seconds)
    stopped = f"{choice.winner.entry.name} was chosen among {len(trials)} candidates. "
    monitor.progress("fitting the chosen candidate", 1.0)
    return MethodOutput(
        network=output.network,
        history=output.history,
        stopped=stopped + output.stopped,
        report=told | {"chosen_report": output.report},
        rebuilt=output.rebuilt,
        notes=output.notes,
        fitted_on_validation=True,
        out_of_fold=judged,
    )
