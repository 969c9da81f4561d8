"""What a batch costs, learnt from the batches that were computed."""

from __future__ import annotations

import threading

_MEMORY = 0.98
_LEAST = 1e-9


class BatchCost:
    """Seconds of a batch as `start + per_token * tokens`, by least squares over recent batches.

    `tokens` are those of the padded batch. Older batches count less and less (by a factor of
    `_MEMORY` with each new one), since what else the machine does changes. Several threads may
    tell and ask.
    """

    def __init__(self, start: float = 0.005, per_token: float = 0.0001) -> None:
        self._lock = threading.Lock()
        # Two made-up batches, so that there is a line from the beginning; they are soon forgotten.
        self._sums = [0.0] * 5
        for tokens in (16.0, 512.0):
            self._add(tokens, start + per_token * tokens)
        self.start, self.per_token = start, per_token

    def learn(self, tokens: int, seconds: float) -> None:
        """Note that a batch of so many padded tokens took so long."""
        with self._lock:
            self._sums = [value * _MEMORY for value in self._sums]
            self._add(float(tokens), seconds)
            self.start, self.per_token = self._line()

    def seconds(self, tokens: int) -> float:
        """What a batch of so many padded tokens is expected to take."""
        return self.start + self.per_token * tokens

    def _add(self, tokens: float, seconds: float) -> None:
        for place, value in enumerate((1.0, tokens, tokens**2, seconds, tokens * seconds)):
            self._sums[place] += value

    def _line(self) -> tuple[float, float]:
        n, x, xx, y, xy = self._sums
        spread = n * xx - x * x
        # Where all recent batches have one size, only their mean is known.
        slope = (n * xy - x * y) / spread if spread > 1e-6 * n * xx else y / x
        slope = min(max(slope, _LEAST), y / x)
        return max(0.0, (y - slope * x) / n), slope
