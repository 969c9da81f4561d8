"""The Batcher: the inputs that wait for one model, the next batch of them, and its cost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.runtimes.contract import Prepared

# So many are looked at for one batch: the search takes time with the square of it.
_SEARCH_LIMIT = 96
_NEWEST_COUNTS = 0.02  # what one more batch changes in the pace
_LEAST = 1e-9


@dataclass(eq=False)
class QueuedInput:
    """One input that waits.

    `arrived` and `deadline` are moments of `time.monotonic()`; `place` is the input's position in
    its `request`, and `window` that of the window in the input. A `dropped` one is of no use to
    anybody any more.
    """

    prepared: Prepared
    request: int
    place: int
    arrived: float
    deadline: float | None = None
    dropped: bool = False
    window: int = 0


class Batcher:
    """Chooses batches of inputs of like length; no input waits for others to fill a batch.

    A batch is a run of the waiting inputs in the order of their cost (tokens), padded to the
    longest: the run that promises the most useful tokens in a second. It has at most `most_tokens`
    padded tokens, but one input may be longer. Once an input has waited for `age_seconds` the
    oldest is in the next batch, whatever its length. Not for several threads at once.
    """

    def __init__(self, cost: BatchCost, most_tokens: int, age_seconds: float) -> None:
        self._cost = cost
        self._most_tokens = most_tokens
        self._age_seconds = age_seconds
        self._waiting: list[QueuedInput] = []

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def tokens(self) -> int:
        """The tokens of all that waits."""
        return sum(one.prepared.cost for one in self._waiting)

    @property
    def oldest(self) -> float | None:
        """When what waits longest arrived."""
        return self._waiting[0].arrived if self._waiting else None

    def add(self, arrived: list[QueuedInput]) -> None:
        """Put inputs behind those that wait."""
        self._waiting += arrived

    def drop(self, obsolete: Callable[[QueuedInput], bool]) -> list[QueuedInput]:
        """Take out, and give back, what is of no use any more."""
        removed = [one for one in self._waiting if obsolete(one)]
        if removed:
            self._waiting = [one for one in self._waiting if not obsolete(one)]
        return removed

    def take(self, now: float) -> list[QueuedInput]:
        """The next batch, in the order of cost; empty where nothing waits."""
        if not self._waiting:
            return []
        ordered = sorted(self._waiting[:_SEARCH_LIMIT], key=lambda one: one.prepared.cost)
        oldest = self._waiting[0]
        required = ordered.index(oldest) if now - oldest.arrived >= self._age_seconds else None
        first, last = self._best_run([one.prepared.cost for one in ordered], required)
        batch = ordered[first : last + 1]
        taken = set(map(id, batch))
        self._waiting = [one for one in self._waiting if id(one) not in taken]
        return batch

    def _best_run(self, costs: list[int], required: int | None) -> tuple[int, int]:
        """The first and last place of the best run in `costs` (ascending); it holds `required`."""
        best, chosen = 0.0, (0, 0)
        for last in range(required or 0, len(costs)):
            longest = max(1, costs[last])
            useful = 0
            for first in range(last, -1, -1):
                padded = (last - first + 1) * longest
                if padded > self._most_tokens and first != last:
                    break
                useful += max(1, costs[first])
                rate = useful / self._cost.seconds(padded)
                if rate > best and (required is None or first <= required):
                    best, chosen = rate, (first, last)
        if required is not None and not chosen[0] <= required <= chosen[1]:
            return required, required
        return chosen


class BatchCost:
    """Seconds of a batch as `pace * (start + per_token * tokens)`.

    `tokens` are those of the padded batch. Batches that are chosen by this cost say how fast the
    machine is now, which is `pace`, but not how `start` and `per_token` divide it: they are nearly
    all as large as allowed, and a line through them diverges. Several threads may use it at once.
    """

    def __init__(self, start: float = 0.005, per_token: float = 0.0001) -> None:
        self.start, self.per_token = start, per_token
        self.pace = 1.0
        self._lock = threading.Lock()

    def learn(self, tokens: int, seconds: float) -> None:
        """Note that a batch of so many padded tokens took so long."""
        with self._lock:
            found = seconds / (self.start + self.per_token * tokens)
            self.pace += _NEWEST_COUNTS * (found - self.pace)

    def seconds(self, tokens: int) -> float:
        """What a batch of so many padded tokens is expected to take."""
        return self.pace * (self.start + self.per_token * tokens)


def cost_from_batches(small: tuple[int, float], large: tuple[int, float]) -> BatchCost:
    """The cost by two batches: the padded tokens of each, and its seconds."""
    (tokens, seconds), (more_tokens, more_seconds) = small, large
    slope = (more_seconds - seconds) / max(1, more_tokens - tokens)
    # What else the machine does may make the small one the slower.
    slope = min(max(slope, _LEAST), seconds / tokens)
    return BatchCost(max(_LEAST, seconds - slope * tokens), slope)
