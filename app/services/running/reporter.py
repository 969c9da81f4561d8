"""The Monitor of a real transfer: writes to the database, and hears of a cancel there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from app.domain.errors.transfers import LeaseLost
from app.domain.transfer_states import Wish
from app.domain.transfers import Progress, Transfer
from app.learn.monitor import Cancelled
from app.services.context import Context
from app.services.running.stopping import Stopping
from app.store import leases
from app.store.patience import patiently

T = TypeVar("T")
_SECONDS_BETWEEN_WRITES = 0.5


class Reporter:
    """Reports one attempt of a transfer, at most every half second, and never backwards.

    Both calls raise `Cancelled` once the transfer should be cancelled or the attempt has lost its
    lease; then nothing may be written any more. `progress` also raises it when the process should
    stop, at its second call after that: between the two, training has saved its state.
    """

    def __init__(
        self, context: Context, transfer: Transfer, stopping: Stopping | None = None
    ) -> None:
        self._stopping = stopping or Stopping()
        self._heard = False
        self._context = context
        self._transfer = transfer
        self._written = float("-inf")
        self._phase = ""
        self._fraction = 0.0

    def progress(
        self, phase: str, fraction: float, eta_seconds: float | None = None, **facts: Any
    ) -> None:
        """Write how far the whole transfer is, with the seconds it will still take if known."""
        if self._heard:
            raise Cancelled
        self._heard = self._stopping.asked()
        self._fraction = max(self._fraction, fraction)
        present = time.monotonic()
        if phase == self._phase and present - self._written < _SECONDS_BETWEEN_WRITES:
            return
        self._phase, self._written = phase, present
        progress = Progress(phase, round(self._fraction, 4), eta_seconds)
        id, attempt = self._transfer.id, self._transfer.attempt
        wish = self._write(lambda s: leases.record_progress(s, id, attempt, progress))
        if wish is Wish.CANCEL:
            raise Cancelled

    def event(self, kind: str, **data: Any) -> None:
        """Add a line to the transfer's history."""
        id, attempt = self._transfer.id, self._transfer.attempt
        self._write(lambda s: leases.record_event(s, id, attempt, kind, data))

    def _write(self, transaction: Callable[[Session], T]) -> T:
        seconds = self._context.settings.database_patience_seconds
        try:
            return patiently(self._context.sessions, transaction, seconds)
        except LeaseLost as lost:
            raise Cancelled from lost
