"""What a runtime answers to many rows at once."""

from __future__ import annotations

import os

import numpy as np

from app.learn.examples import Inputs
from app.learn.objectives.contract import Objective
from app.runtimes.contract import Runtime

_BATCH = 64


def answer_all(
    runtime: Runtime, objective: Objective, inputs: Inputs
) -> tuple[np.ndarray, list[bool]]:
    """Probabilities as `app.learn.predicting.predict` gives them, in the order of `inputs`.

    Beside them, whether only part of each input was read.

    Inputs of like cost share a batch. The same inputs are always put into the same batches.
    """
    prepared = runtime.prepare(list(inputs))
    order = sorted(range(len(prepared)), key=lambda place: prepared[place].cost)
    answers = np.zeros(objective.answer_shape(inputs), dtype=np.float32)
    for start in range(0, len(order), _BATCH):
        places = order[start : start + _BATCH]
        found = runtime.run([prepared[place] for place in places], _threads())
        for place, one in zip(places, found, strict=True):
            answers[place, : len(one)] = one
    return answers, [one.truncated for one in prepared]


def _threads() -> int:
    """As many as the worker's slot gives, which says so as OpenMP understands it."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
