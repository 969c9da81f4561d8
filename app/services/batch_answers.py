"""What a runtime answers to many rows at once."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from app.domain.predictions import MOST_WINDOWS, Window
from app.learn.examples import Inputs
from app.learn.objectives.contract import Objective
from app.learn.objectives.multi_label import MultiLabel
from app.runtimes.contract import Prepared, Runtime
from app.runtimes.windows import pooled, prepare_windows

_BATCH = 64


@dataclass(frozen=True)
class Reading:
    """Whether only part of each input was read, and in how many windows."""

    truncated: list[bool]
    windows: list[int]


def answer_all(
    runtime: Runtime, objective: Objective, inputs: Inputs, window: Window | None = None
) -> tuple[np.ndarray, Reading]:
    """Probabilities as `app.learn.predicting.predict` gives them, in the order of `inputs`.

    With `window` long texts are read in windows, the first `MOST_WINDOWS` of them.

    Inputs of like cost share a batch. The same inputs are always put into the same batches.
    """
    read = prepare_windows(runtime, list(inputs), window.stride if window else None)
    rows = _run(runtime, [one for windows in read for one in windows[:MOST_WINDOWS]])
    answers = np.zeros(objective.answer_shape(inputs), dtype=np.float32)
    end = 0
    for place, windows in enumerate(read):
        start, end = end, end + len(windows[:MOST_WINDOWS])
        one = rows[start]
        if window is not None and end - start > 1:
            one = pooled(rows[start:end], window.pool, isinstance(objective, MultiLabel))
        answers[place, : len(one)] = one
    truncated = [
        len(windows) > MOST_WINDOWS or any(one.truncated for one in windows) for windows in read
    ]
    return answers, Reading(truncated, [len(windows[:MOST_WINDOWS]) for windows in read])


def _run(runtime: Runtime, prepared: list[Prepared]) -> list[np.ndarray]:
    order = sorted(range(len(prepared)), key=lambda place: prepared[place].cost)
    rows = [np.empty(0)] * len(prepared)
    for start in range(0, len(order), _BATCH):
        places = order[start : start + _BATCH]
        found = runtime.run([prepared[place] for place in places], _threads())
        for place, one in zip(places, found, strict=True):
            rows[place] = one
    return rows


def _threads() -> int:
    """As many as the worker's slot gives, which says so as OpenMP understands it."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
