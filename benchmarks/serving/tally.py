"""What became of the requests of an open-loop load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Tally:
    """Seconds of each answer since it was due, by status; and what never was answered."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    sent: int = 0
    lost: int = 0
    lags: list[float] = field(default_factory=list)  # how late requests left

    def answer(self, status: int, seconds: float) -> None:
        """Note an answer."""
        self.seconds.setdefault(status, []).append(seconds)

    @property
    def pending(self) -> int:
        """Requests that are still to be answered."""
        return self.sent - self.lost - sum(map(len, self.seconds.values()))


def account(tally: Tally, seconds: float, timeout_ms: float) -> dict[str, Any]:
    """What is reported of a load that took `seconds`; an answer in time is one in `timeout_ms`."""
    answered = np.array(tally.seconds.get(200, [])) * 1000
    refused = np.array(tally.seconds.get(429, [])) * 1000
    others = {str(s): len(x) for s, x in tally.seconds.items() if s not in (200, 429)}
    in_time = int((answered <= timeout_ms).sum())
    return {
        "sent": tally.sent,
        "in_time_per_second": in_time / seconds,
        "too_late": len(answered) - in_time,
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
