"""The bounded queue: who may wait, and when to come back where there is no room."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.domain.errors.predictions import QueueFull
from app.domain.predictions import PredictionOptions

_LEAST_PLACES = 16
_MOST_RETRY_SECONDS = 60
_NEWEST_COUNTS = 0.02  # what one more answer changes in the rate
_LEAST_SECONDS = 1e-4
# One answer in two hundred may be later than the bound on lateness: it rises by the first with
# such an answer, and falls by the second with any other.
_LATER, _SOONER = 0.05, 0.05 / 199
_FIRST_LATENESS = 1.7
_MOST_LATENESS = 3.0


class Admission:
    """Counts the inputs that wait or are computed, of each key and of all.

    There are at most `most_inputs` places, and no more than are answered within `most_seconds`;
    for a request with a deadline, no more than nearly surely leave it time (`Pace`).
    Keys that hold places share them evenly: a key that holds less than its share gets in while
    another one fills the queue, up to twice the places. Who holds nothing gets in with as many
    inputs as one request may have.
    """

    def __init__(
        self,
        most_inputs: int,
        most_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_inputs = most_inputs
        self._most_seconds = most_seconds
        self._held: Counter[str] = Counter()
        self._all = 0
        self._clock = clock
        self._pace = ThroughputEstimate()
        self.refused = 0  # requests, since the process began

    @contextmanager
    def admitted(
        self, options: PredictionOptions, inputs: int
    ) -> Iterator[Callable[[float], None]]:
        """Hold places for the time of the block; raises `QueueFull`.

        Call what it gives with the seconds that the inputs waited and were computed, loading not
        included.
        """
        self.check(options, inputs)
        key = options.key
        self._held[key] += inputs
        self._all += inputs
        before = self._all
        try:
            yield lambda seconds: self._pace.learn(before, seconds)
        finally:
            self._all -= inputs
            self._held[key] -= inputs
            if not self._held[key]:
                del self._held[key]

    def check(self, options: PredictionOptions, inputs: int = 1) -> None:
        """Raises `QueueFull` where the key cannot have so many places now."""
        held, places = self._held.get(options.key, 0), self._places(options.deadline)
        share = max(1, places // (len(self._held) + (not held)))
        if (held and held + inputs > share) or self._all >= 2 * places:
            self.refused += 1
            raise QueueFull(held, share, self._retry_after(held + inputs - share))

    @property
    def inputs(self) -> int:
        """How many inputs hold places."""
        return self._all

    def _places(self, deadline: float | None) -> int:
        places = self._pace.usual(self._most_seconds)
        if deadline is not None:
            places = min(places, self._pace.sure(deadline - self._clock()))
        return int(min(self._most_inputs, max(_LEAST_PLACES, places)))

    def _retry_after(self, too_many: int) -> int:
        """Whole seconds until so many places of this key are free, at least one."""
        if not self._pace.rate:
            return 1
        seconds = too_many * max(1, len(self._held)) / self._pace.rate
        return min(_MOST_RETRY_SECONDS, max(1, math.ceil(seconds)))


class ThroughputEstimate:
    """Learnt from answers; `rate` is None before the first.

    The rate is Little's law over recent answers: the mean of how many were in by the mean of how
    long they took. (The mean of each one's own quotient would be above it: quick ones count more.)
    Batches are chosen by length, and they differ; so the lateness of an answer, its time by
    what the rate promised, has a bound of its own: a quantile by stochastic approximation (Robbins
    and Monro, 1951).
    """

    def __init__(self) -> None:
        self.rate: float | None = None  # inputs a second
        self._inputs = 0.0
        self._seconds = 0.0
        self._lateness = _FIRST_LATENESS

    def learn(self, inputs: int, seconds: float) -> None:
        """So many `inputs` were in, this one included, when it came; it took `seconds`."""
        seconds = max(seconds, _LEAST_SECONDS)
        if self.rate is None:
            self._inputs, self._seconds = float(inputs), seconds
        else:
            later = seconds * self.rate > self._lateness * inputs
            bound = self._lateness + (_LATER if later else -_SOONER)
            self._lateness = min(_MOST_LATENESS, max(1.0, bound))
            self._inputs += _NEWEST_COUNTS * (inputs - self._inputs)
            self._seconds += _NEWEST_COUNTS * (seconds - self._seconds)
        self.rate = self._inputs / self._seconds

    def usual(self, seconds: float) -> float:
        """How many inputs are answered in `seconds`; infinite before the first answer."""
        return float("inf") if self.rate is None else self.rate * seconds

    def sure(self, seconds: float) -> float:
        """With how many in, nearly every one of them is answered within `seconds`."""
        return self.usual(seconds / self._lateness)
