"""Finding a transfer for a slot, also for one that does a lesser job."""

from __future__ import annotations

import time

from app.domain.transfers import Transfer
from app.store import leases
from app.worker.workplace import Workplace

# An idle slot anywhere has looked by then.
_LOOKS_OF_THE_IDLE = 3


class WaitingTransfers:
    """Claims transfers for one slot."""

    def __init__(self, worker: str, place: Workplace) -> None:
        self._worker = worker
        self._place = place
        self._seen_at: float | None = None
        self.taken: Transfer | None = None

    def claim(self) -> Transfer | None:
        """The one that was taken, else the next; None when none waits."""
        found, self.taken, self._seen_at = self.taken, None, None
        return found or (self._claim() if self._one_waits() else None)

    def take(self) -> bool:
        """Claim one that no idle slot wanted, for a slot that then ends what it does.

        Claimed first, it ends one slot's job and not those of all that look.
        """
        if not self._one_waits():
            self._seen_at = None
            return False
        self._seen_at = self._seen_at or time.monotonic()
        waited = time.monotonic() - self._seen_at
        if waited >= _LOOKS_OF_THE_IDLE * self._place.context.settings.poll_seconds:
            self.taken = self._claim()
        return self.taken is not None

    def _one_waits(self) -> bool:
        with self._place.context.readers() as session:
            return leases.anything_waits(session)

    def _claim(self) -> Transfer | None:
        context = self._place.context
        lease_seconds, most = context.settings.lease_seconds, context.settings.max_attempts
        with context.sessions.begin() as session:
            return leases.claim(session, self._worker, lease_seconds, most)
