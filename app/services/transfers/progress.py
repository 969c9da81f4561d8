"""How far a transfer is: its phases on one bar, and the Monitor that writes to the database."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from app.domain.errors.transfers import LeaseLost
from app.domain.jobs import Progress, StopRequest
from app.domain.transfers import Transfer
from app.learn.callbacks import Cancelled, Monitor
from app.services.context import Context
from app.store import job_queue
from app.store.database import retry_on_disconnect

# Seconds that a phase will take, by the seconds that will have passed when it begins.
ExpectedSeconds = Callable[[float], float]
_LEAST_SECONDS, _LEAST_FRACTION = 0.5, 0.01
T = TypeVar("T")
_SECONDS_BETWEEN_WRITES = 0.5


class Phases:
    """Puts the fractions (0..1) of successive phases together to one of the whole.

    `costs` names the phases in their order, with what each is expected to take. From the pace of
    the present phase follows what it still takes; the bar stands at the time passed over the time
    in all. It never falls, and is at 1 only when the last phase is.
    """

    def __init__(
        self,
        monitor: Monitor,
        costs: Mapping[str, ExpectedSeconds],
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

    def expect(self, name: str, cost: ExpectedSeconds) -> None:
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


class DatabaseReporter:
    """Reports one attempt of a transfer, at most every half second, and never backwards.

    Both calls raise `Cancelled` once the transfer should be cancelled or the attempt has lost its
    lease; then nothing may be written any more. `progress` also raises it when the process should
    stop, at its second call after that: between the two, training has saved its state.
    """

    def __init__(
        self, context: Context, transfer: Transfer, stopping: threading.Event | None = None
    ) -> None:
        self._stopping = stopping or threading.Event()
        self._must_stop = False
        self._context = context
        self._transfer = transfer
        self._written = float("-inf")
        self._phase = ""
        self._fraction = 0.0

    def progress(
        self, phase: str, fraction: float, eta_seconds: float | None = None, **facts: Any
    ) -> None:
        """Write how far the whole transfer is, with the seconds it will still take if known."""
        if self._must_stop:
            raise Cancelled
        self._must_stop = self._stopping.is_set()
        self._fraction = max(self._fraction, fraction)
        present = time.monotonic()
        if phase == self._phase and present - self._written < _SECONDS_BETWEEN_WRITES:
            return
        self._phase, self._written = phase, present
        progress = Progress(phase, round(self._fraction, 4), eta_seconds)
        id, attempt = self._transfer.id, self._transfer.attempt
        requested = self._write(lambda s: job_queue.record_progress(s, id, attempt, progress))
        if requested is StopRequest.CANCEL:
            raise Cancelled

    def event(self, kind: str, **data: Any) -> None:
        """Add a line to the transfer's history."""
        id, attempt = self._transfer.id, self._transfer.attempt
        self._write(lambda s: job_queue.record_event(s, id, attempt, kind, data))

    def _write(self, transaction: Callable[[Session], T]) -> T:
        seconds = self._context.settings.database_patience_seconds
        try:
            return retry_on_disconnect(self._context.sessions, transaction, seconds)
        except LeaseLost as lost:
            raise Cancelled from lost
