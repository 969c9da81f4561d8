"""Holding a transfer while its child works, and hearing when the child should stop."""

from __future__ import annotations

import logging
import time
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError

from app.domain.errors.transfers import LeaseLost
from app.domain.transfers import Transfer
from app.store import leases
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)


class Ending(Enum):
    """Why the watch over a child ended."""

    EXITED = auto()
    CANCEL_REQUESTED = auto()
    WORKER_STOPS = auto()
    LEASE_LOST = auto()


class Heartbeat:
    """Renews the lease every third of its time, and looks for a cancel at each `beat`.

    A database that does not answer is borne until the lease must have run out.
    """

    def __init__(self, transfer: Transfer, place: Workplace) -> None:
        self._transfer = transfer
        self._place = place
        self._renewed_at = time.monotonic()

    def beat(self) -> Ending | None:
        """Renew when it is time; None when the child should go on."""
        try:
            cancel = self._look()
        except LeaseLost:
            return Ending.LEASE_LOST
        except DBAPIError:
            _log.exception("the database does not answer; still working on %s", self._transfer.id)
            return Ending.LEASE_LOST if self._age() > self._lease_seconds else None
        return Ending.CANCEL_REQUESTED if cancel else None

    @property
    def _lease_seconds(self) -> float:
        return self._place.settings.lease_seconds

    def _age(self) -> float:
        return time.monotonic() - self._renewed_at

    def _look(self) -> bool:
        id, attempt = self._transfer.id, self._transfer.attempt
        if self._age() < self._lease_seconds / 3:
            with self._place.reading() as session:
                return leases.cancel_requested(session, id, attempt)
        # Counted from before the renewal, so that we never believe in a lease that has ended.
        started = time.monotonic()
        with self._place.writing() as session:
            cancel = leases.renew(session, id, attempt, self._lease_seconds)
            session.commit()
        self._renewed_at = started
        return cancel
