"""The bounded queue: who may wait, and when to come back where there is no room."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.domain.errors.predictions import QueueFull
from app.domain.predictions import Terms
from app.serving.pace import Pace

_LEAST_PLACES = 16
_MOST_RETRY_SECONDS = 60


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
        self._pace = Pace()
        self.refused = 0  # requests, since the process began

    @contextmanager
    def admitted(self, terms: Terms, inputs: int) -> Iterator[Callable[[float], None]]:
        """Hold places for the time of the block; raises `QueueFull`.

        Call what it gives with the seconds that the inputs waited and were computed, loading not
        included.
        """
        self.check(terms, inputs)
        key = terms.key
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

    def check(self, terms: Terms, inputs: int = 1) -> None:
        """Raises `QueueFull` where the key cannot have so many places now."""
        held, places = self._held.get(terms.key, 0), self._places(terms.deadline)
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
