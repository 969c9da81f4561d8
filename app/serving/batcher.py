"""The Batcher: what waits for one model, and which of it is computed next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.runtimes.contract import Prepared
from app.serving.batch_cost import BatchCost

# So many are looked at for one batch: the search takes time with the square of it.
_IN_SIGHT = 96


@dataclass(eq=False)
class Waiting:
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
    """Chooses batches of inputs of like length; nothing ever waits for company.

    A batch is a run of the waiting inputs in the order of their cost (tokens), padded to the
    longest: the run that promises the most useful tokens in a second. It has at most `most_tokens`
    padded tokens, but one input may be longer. Once an input has waited for `age_seconds` the
    oldest is in the next batch, whatever its length. Not for several threads at once.
    """

    def __init__(self, cost: BatchCost, most_tokens: int, age_seconds: float) -> None:
        self._cost = cost
        self._most_tokens = most_tokens
        self._age_seconds = age_seconds
        self._waiting: list[Waiting] = []

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

    def add(self, arrived: list[Waiting]) -> None:
        """Put inputs behind those that wait."""
        self._waiting += arrived

    def drop(self, useless: Callable[[Waiting], bool]) -> list[Waiting]:
        """Take out, and give back, what is of no use any more."""
        gone = [one for one in self._waiting if useless(one)]
        if gone:
            self._waiting = [one for one in self._waiting if not useless(one)]
        return gone

    def take(self, now: float) -> list[Waiting]:
        """The next batch, in the order of cost; empty where nothing waits."""
        if not self._waiting:
            return []
        ordered = sorted(self._waiting[:_IN_SIGHT], key=lambda one: one.prepared.cost)
        oldest = self._waiting[0]
        must = ordered.index(oldest) if now - oldest.arrived >= self._age_seconds else None
        first, last = self._best_run([one.prepared.cost for one in ordered], must)
        batch = ordered[first : last + 1]
        taken = set(map(id, batch))
        self._waiting = [one for one in self._waiting if id(one) not in taken]
        return batch

    def _best_run(self, costs: list[int], must: int | None) -> tuple[int, int]:
        """The first and last place of the best run in `costs` (ascending); it holds `must`."""
        best, chosen = 0.0, (0, 0)
        for last in range(must or 0, len(costs)):
            longest = max(1, costs[last])
            useful = 0
            for first in range(last, -1, -1):
                padded = (last - first + 1) * longest
                if padded > self._most_tokens and first != last:
                    break
                useful += max(1, costs[first])
                rate = useful / self._cost.seconds(padded)
                if rate > best and (must is None or first <= must):
                    best, chosen = rate, (first, last)
        if must is not None and not chosen[0] <= must <= chosen[1]:
            return must, must
        return chosen
