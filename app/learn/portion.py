"""A part of a longer computation, reporting to the whole's Monitor."""

from __future__ import annotations

from typing import Any

from app.learn.monitor import Monitor


class Portion:
    """A Monitor whose 0..1 is `start`..`end` of another's; events carry `facts` along."""

    def __init__(self, whole: Monitor, start: float, end: float, **facts: Any) -> None:
        self._whole = whole
        self._start = start
        self._width = end - start
        self._facts = facts

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Report the fraction of the part as one of the whole; raises `Cancelled` alike."""
        overall = self._start + self._width * min(max(fraction, 0.0), 1.0)
        self._whole.progress(phase, overall, **self._facts, **facts)

    def event(self, kind: str, **data: Any) -> None:
        """Pass the event on."""
        self._whole.event(kind, **self._facts, **data)
