"""The phases of a transfer on one bar: each has the share of the time that it takes."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from app.learn.monitor import Monitor

# Seconds that a phase will take, by the seconds that will have passed when it begins.
Cost = Callable[[float], float]
_LEAST_SECONDS, _LEAST_FRACTION = 0.5, 0.01


class Phases:
    """Puts the fractions (0..1) of successive phases together to one of the whole.

    `costs` names the phases in their order, with what each is expected to take. From the pace of
    the present phase follows what it still takes; the bar stands at the time passed over the time
    in all. It never falls, and is at 1 only when the last phase is.
    """

    def __init__(
        self,
        monitor: Monitor,
        costs: Mapping[str, Cost],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monitor = monitor
        self._costs = dict(costs)
        self._clock = clock
        self._began = clock()
        self._spared = 0.0  # seconds of work that earlier attempts did
        self._fraction = 0.0
        self._paced = False
        self._current: _Phase | None = None

    def expect(self, name: str, cost: Cost) -> None:
        """Replace what a phase that is yet to come is expected to take."""
        if name in self._costs:
            self._costs[name] = cost

    def begin(self, name: str, even: bool = True) -> Monitor:
        """End the present phase and begin this one, and leave out those in between.

        Where a phase is not `even`, its fractions tell nothing of the time: it counts by what it
        is expected to take, and what is left of that shrinks without coming to an end.
        """
        while self._costs:
            first = next(iter(self._costs))
            cost = self._costs.pop(first)
            if first == name:
                if self._current is not None:
                    self._spared += self._current.spared()
                self._current = _Phase(self, cost(self.seconds), even, self._clock)
                return self._current
        raise ValueError(f"the phase {name} is over")

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._clock() - self._began

    def report(self, phase: str, left: float, spared: float, paced: bool, **facts: Any) -> None:
        """Say where the whole is when the present phase takes `left` further seconds.

        An estimate of the time left is given once an even phase has shown its pace (`paced`).
        """
        self._paced = self._paced or paced
        passed = self.seconds
        until = passed + left
        for cost in self._costs.values():
            until += cost(until)
        done = self._spared + spared + passed
        whole = self._spared + spared + until
        self._fraction = max(self._fraction, done / whole if whole else 0.0)
        eta = round(until - passed, 1) if self._paced else None
        self._monitor.progress(phase, min(self._fraction, 1.0), eta_seconds=eta, **facts)

    def event(self, kind: str, **data: Any) -> None:
        """Pass the event on."""
        self._monitor.event(kind, **data)


class _Phase:
    """The Monitor of one phase."""

    def __init__(self, whole: Phases, cost: float, even: bool, clock: Callable[[], float]) -> None:
        self._whole = whole
        self._cost = cost
        self._even = even
        self._clock = clock
        self._began = clock()
        self._fraction = 0.0
        self._marks: deque[tuple[float, float]] = deque([(self._began, 0.0)])
        self._resumed = False
        self._inherited = 0.0

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Report the fraction of the phase as one of the whole; raises `Cancelled` alike."""
        self._fraction = max(self._fraction, min(fraction, 1.0))
        now = self._clock()
        if self._resumed:
            self._resumed, self._inherited = False, self._fraction
            self._began = now
            self._marks.clear()
        if not self._marks or now - self._marks[-1][0] >= 0.25:
            self._marks.append((now, self._fraction))
        pace = self._pace(now) if self._even else None
        left = (1.0 - self._fraction) / pace if pace else self._expected_left(now)
        self._whole.report(phase, left, self.spared(left), pace is not None, **facts)

    def event(self, kind: str, **data: Any) -> None:
        """Pass the event on; after `resumed` the next fraction is what earlier attempts did."""
        self._resumed = self._resumed or kind == "resumed"
        self._whole.event(kind, **data)

    def spared(self, left: float = 0.0) -> float:
        """Seconds that the part of this phase would have taken that earlier attempts did."""
        own = self._clock() - self._began + left
        return own * self._inherited / max(1.0 - self._inherited, 1e-3)

    def _pace(self, now: float) -> float | None:
        """Fraction a second over the later half of the phase so far: what came quickly from a
        cache says nothing of the rest. None while that is no measure."""
        while len(self._marks) > 1 and self._marks[1][0] <= (self._began + now) / 2:
            self._marks.popleft()
        since, fraction = self._marks[0]
        if now - since < _LEAST_SECONDS or self._fraction - fraction < _LEAST_FRACTION:
            return None
        return (self._fraction - fraction) / (now - since)

    def _expected_left(self, now: float) -> float:
        spent = now - self._began
        if self._even:
            return (1.0 - self._fraction) * max(self._cost, spent)
        return self._cost * math.exp(-spent / self._cost) if self._cost else 0.0
