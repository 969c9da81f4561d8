"""Who kills: SIGKILL to the API, a worker or a transfer's child, every few seconds."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from benchmarks.storm.processes import processes_of
from benchmarks.storm.supervisor import Supervisor

_SHORTEST, _LONGEST = 4.0, 10.0
_TARGETS = {"api": 0.25, "worker": 0.3, "child": 0.45}


class Tormentor:
    """Draws whom to kill and when from `seed`; `kills` counts by target."""

    def __init__(self, supervisor: Supervisor, data: Path, seed: int) -> None:
        self._supervisor = supervisor
        self._data = data
        self._random = random.Random(seed)
        self._next = time.monotonic() + self._pause()
        self.kills: Counter[str] = Counter()

    def strike(self) -> None:
        """Kill one process when it is time; one that is down already is spared."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._pause()
        [target] = self._random.choices(list(_TARGETS), list(_TARGETS.values()))
        draw = self._random.random()
        if self._child(draw) if target == "child" else self._service(target, draw):
            self.kills[target] += 1

    def strike_everything(self) -> None:
        """Kill every process at once, as a machine does that loses its power."""
        for process in processes_of(self._data):
            with suppress(ProcessLookupError):
                os.kill(process.id, signal.SIGKILL)

    def _pause(self) -> float:
        return self._random.uniform(_SHORTEST, _LONGEST)

    def _service(self, target: str, draw: float) -> bool:
        names = [n for n in self._supervisor.names() if (n == "api") == (target == "api")]
        return self._supervisor.kill(names[int(draw * len(names))])

    def _child(self, draw: float) -> bool:
        children = sorted(p.id for p in processes_of(self._data) if p.is_child)
        if not children:
            return False
        try:
            os.kill(children[int(draw * len(children))], signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True
