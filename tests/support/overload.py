"""One worker under four times the load that it can bear, on a simulated clock."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from app.domain.errors.predictions import QueueFull
from app.domain.predictions import PredictionOptions
from app.serving.admission import Admission

_BATCH = 16
_VISIBLE = 96
_BATCH_SECONDS = 0.08  # that is 200 inputs in a second
_EVERY = 1 / 800


@dataclass(eq=False)
class _Waiting:
    arrived: float
    leave: ExitStack
    learn: Callable[[float], None]


class Overload:
    """Batches of 16: the oldest that waits, and 15 by chance of the first 96.

    What a batch takes differs by the `spread` (standard deviation by mean). After `run`, `answered`
    were let in, and `late` of them were answered after `timeout` seconds; the worker had nothing to
    do for `idle_seconds`.
    """

    def __init__(self, spread: float, timeout: float) -> None:
        self.now = 1000.0
        self.admission = Admission(512, 2.0, clock=lambda: self.now)
        self.answered = self.late = 0
        self.idle_seconds = 0.0
        self._spread = spread
        self._timeout = timeout
        self._chance = random.Random(0)
        self._waiting: list[_Waiting] = []

    def run(self, seconds: float) -> None:
        """Let requests come and batches be computed for so long."""
        end, free, batch = self.now + seconds, self.now, list[_Waiting]()
        while self.now < end:
            if self.now >= free:
                self._answer(batch)
                batch = self._next_batch()
                noise = max(0.2, self._chance.gauss(1, self._spread))
                free = self.now + _BATCH_SECONDS * noise * bool(batch)
            self.idle_seconds += 0 if batch else _EVERY
            self._arrive()
            self.now += _EVERY

    def _arrive(self) -> None:
        with ExitStack() as stack:
            try:
                options = PredictionOptions(deadline=self.now + self._timeout)
                learn = stack.enter_context(self.admission.admitted(options, 1))
            except QueueFull:
                return
            self._waiting.append(_Waiting(self.now, stack.pop_all(), learn))

    def _next_batch(self) -> list[_Waiting]:
        visible = self._waiting[:_VISIBLE]
        batch = visible[:1] + self._chance.sample(
            visible[1:], min(_BATCH, len(visible)) - 1 if visible else 0
        )
        self._waiting = [one for one in self._waiting if one not in batch]
        return batch

    def _answer(self, batch: list[_Waiting]) -> None:
        for one in batch:
            took = self.now - one.arrived
            one.learn(took)
            one.leave.close()
            self.answered += 1
            self.late += took > self._timeout
