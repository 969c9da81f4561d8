"""What a batch costs, measured before the first request and followed since."""

from __future__ import annotations

import threading

_NEWEST_COUNTS = 0.02  # what one more batch changes in the pace
_LEAST = 1e-9


class BatchCost:
    """Seconds of a batch as `pace * (start + per_token * tokens)`.

    `tokens` are those of the padded batch. Batches that are chosen by this cost say how fast the
    machine is now, which is `pace`, but not how `start` and `per_token` divide it: they are nearly
    all as large as allowed, and a line through them runs away. Several threads may tell and ask.
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


def cost_of(small: tuple[int, float], large: tuple[int, float]) -> BatchCost:
    """The cost by two batches: the padded tokens of each, and its seconds."""
    (tokens, seconds), (more_tokens, more_seconds) = small, large
    slope = (more_seconds - seconds) / max(1, more_tokens - tokens)
    # What else the machine does may make the small one the slower.
    slope = min(max(slope, _LEAST), seconds / tokens)
    return BatchCost(max(_LEAST, seconds - slope * tokens), slope)
