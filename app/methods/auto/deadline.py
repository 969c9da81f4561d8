"""A Monitor that ends a computation when its time is up."""

from __future__ import annotations

import time
from typing import Any

from app.learn.monitor import Monitor


class TimeIsUp(Exception):
    """Raised out of a computation whose seconds are used up."""


class Deadline:
    """Passes everything on to `whole`; from the moment `until` (monotonic) on it raises."""

    def __init__(self, whole: Monitor, until: float) -> None:
        self._whole = whole
        self._until = until

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Report; raises `TimeIsUp`, or `Cancelled` of the whole."""
        self._whole.progress(phase, fraction, **facts)
        if time.monotonic() > self._until:
            raise TimeIsUp

    def event(self, kind: str, **data: Any) -> None:
        """Left out: the checks of every fold of every candidate would bury the history."""
