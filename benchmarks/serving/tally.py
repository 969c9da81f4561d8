"""What became of the requests of an open-loop load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Tally:
    """The answers by status, each as when it came and how long after it was due, in seconds.

    When it came counts from the start of the load.
    """

    answers: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    started: float = 0.0  # by time.perf_counter()
    sent: int = 0
    lost: int = 0
    lags: list[float] = field(default_factory=list)  # how late requests left

    def answer(self, status: int, came: float, took: float) -> None:
        """Note an answer."""
        self.answers.setdefault(status, []).append((came, took))

    def taken(self, status: int) -> np.ndarray:
        """Milliseconds that answers of a status took, float64 (n,)."""
        return np.array([took for _, took in self.answers.get(status, [])]) * 1000

    @property
    def pending(self) -> int:
        """Requests that are still to be answered."""
        return self.sent - self.lost - sum(map(len, self.answers.values()))


def account(tally: Tally, seconds: float, timeout_ms: float) -> dict[str, Any]:
    """What is reported of a load of `seconds`; an answer in time is one in `timeout_ms`.

    In time per second are those that came between `timeout_ms` after the start, when the queue is
    as full as it becomes, and the end of the load.
    """
    answered, refused = tally.taken(200), tally.taken(429)
    others = {str(s): len(x) for s, x in tally.answers.items() if s not in (200, 429)}
    settled = timeout_ms / 1000
    in_time = [came for came, took in tally.answers.get(200, []) if took <= settled]
    within = sum(settled <= came < seconds for came in in_time)
    return {
        "sent": tally.sent,
        "in_time_per_second": within / (seconds - settled),
        "too_late": len(answered) - len(in_time),
        "refused": len(refused),
        "refused_p50_ms": _quantile(refused, 0.5),
        "refused_p99_ms": _quantile(refused, 0.99),
        "refused_within_50_ms": float((refused <= 50).mean()) if len(refused) else None,
        "answered_p99_ms": _quantile(answered, 0.99),
        "other_statuses": others,
        "lost": tally.lost + tally.pending,
        "sent_late_p99_ms": _quantile(np.array(tally.lags) * 1000, 0.99),
    }


def _quantile(values: np.ndarray, share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None
