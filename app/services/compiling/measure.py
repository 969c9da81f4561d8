"""How fast candidates answer, measured in turns so that a busy machine slows all alike."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from app.runtimes.contract import Prepared, Runtime
from app.services.compiling.check import BATCH
from app.services.compiling.check_rows import CheckRows

_ROUNDS = 5
_BATCHES = 3
_SINGLES = 5


@dataclass(frozen=True)
class Speed:
    """Inputs per second: in batches of like length on one processor, and one by one on all."""

    batched: float
    single: float

    @property
    def overall(self) -> float:
        """The geometric mean of both, by which candidates are compared."""
        return float((self.batched * self.single) ** 0.5)


def measure(runtimes: Sequence[Runtime], rows: CheckRows) -> list[Speed]:
    """The speed of each runtime: the median of five rounds, in each of which all take turns."""
    prepared = [_sorted(runtime, rows) for runtime in runtimes]
    batched: list[list[float]] = [[] for _ in runtimes]
    single: list[list[float]] = [[] for _ in runtimes]
    for turn in range(_ROUNDS + 1):
        for place, (runtime, inputs) in enumerate(zip(runtimes, prepared, strict=True)):
            speeds = _batches(runtime, inputs), _singles(runtime, inputs)
            if turn:  # the first round warms up
                batched[place].append(speeds[0])
                single[place].append(speeds[1])
    medians = zip(map(statistics.median, batched), map(statistics.median, single), strict=True)
    return [Speed(*both) for both in medians]


def _sorted(runtime: Runtime, rows: CheckRows) -> list[Prepared]:
    return sorted(runtime.prepare(list(rows.inputs)), key=lambda one: one.cost)


def _batches(runtime: Runtime, inputs: list[Prepared]) -> float:
    """A short batch, a middling one and a long one."""
    last = max(0, len(inputs) - BATCH)
    starts = sorted({round(last * place / (_BATCHES - 1)) for place in range(_BATCHES)})
    count, began = 0, time.perf_counter()
    for start in starts:
        count += len(runtime.run(inputs[start : start + BATCH], threads=1))
    return count / (time.perf_counter() - began)


def _singles(runtime: Runtime, inputs: list[Prepared]) -> float:
    chosen = inputs[:: max(1, len(inputs) // _SINGLES)]
    began = time.perf_counter()
    for one in chosen:
        runtime.run([one], threads=os.cpu_count() or 1)
    return len(chosen) / (time.perf_counter() - began)
