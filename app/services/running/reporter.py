"""The Monitor of a real transfer: writes to the database, and hears of a cancel there."""

from __future__ import annotations

import time
from typing import Any

from app.domain.errors.transfers import LeaseLost
from app.domain.transfers import Progress, Transfer
from app.learn.monitor import Cancelled
from app.services.context import Context
from app.store import leases

_SECONDS_BETWEEN_WRITES = 0.5


class Reporter:
    """Reports one attempt of a transfer, at most every half second, and never backwards.

    Both calls raise `Cancelled` once the transfer should be cancelled or the attempt has lost its
    lease; then nothing may be written any more.
    """

    def __init__(self, context: Context, transfer: Transfer) -> None:
        self._context = context
        self._transfer = transfer
        self._began = time.monotonic()
        self._written = float("-inf")
        self._phase = ""
        self._fraction = 0.0

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Write how far the whole transfer is, with the seconds it will still take."""
        self._fraction = max(self._fraction, fraction)
        present = time.monotonic()
        if phase == self._phase and present - self._written < _SECONDS_BETWEEN_WRITES:
            return
        self._phase, self._written = phase, present
        progress = Progress(phase, round(self._fraction, 4), self._eta(present - self._began))
        id, attempt = self._transfer.id, self._transfer.attempt
        try:
            with self._context.sessions.begin() as session:
                cancel = leases.record_progress(session, id, attempt, progress)
        except LeaseLost as lost:
            raise Cancelled from lost
        if cancel:
            raise Cancelled

    def event(self, kind: str, **data: Any) -> None:
        """Add a line to the transfer's history."""
        id, attempt = self._transfer.id, self._transfer.attempt
        try:
            with self._context.sessions.begin() as session:
                leases.record_event(session, id, attempt, kind, data)
        except LeaseLost as lost:
            raise Cancelled from lost

    def _eta(self, elapsed: float) -> float | None:
        """By the pace so far; none in the first moments, when the pace means nothing."""
        if self._fraction < 0.02 or elapsed < 1.0:
            return None
        return round(elapsed * (1.0 - self._fraction) / self._fraction, 1)
