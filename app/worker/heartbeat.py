"""Holding a transfer or lesser job while its child works, and hearing when that should stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session

from app.domain.errors.transfers import LeaseLost
from app.domain.lesser_jobs import LesserJob
from app.domain.transfer_states import Wish
from app.domain.transfers import Transfer
from app.store import leases
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)


class Ending(Enum):
    """Why the watch over a child ended."""

    EXITED = auto()
    CANCEL_REQUESTED = auto()
    PAUSE_REQUESTED = auto()
    WORKER_STOPS = auto()
    GIVES_WAY = auto()
    LEASE_LOST = auto()


_OBEYED = {Wish.CANCEL: Ending.CANCEL_REQUESTED, Wish.PAUSE: Ending.PAUSE_REQUESTED}


class Leases(Protocol):
    """Where a lease is kept: `app.store.leases`, or a table of lesser jobs."""

    def held(self, session: Session) -> Sequence[Transfer | LesserJob]:
        """All that is held, whoever holds it."""

    def record_process_group(self, session: Session, id: str, attempt: int, group: int) -> None:
        """Note where the child runs; raises `LeaseLost`, as the others do."""

    def wish(self, session: Session, id: str, attempt: int) -> Wish | None:
        """What somebody asked meanwhile."""

    def renew(self, session: Session, id: str, attempt: int, lease_seconds: float) -> Wish | None:
        """Hold it for so long from now; as `wish` otherwise."""


def never() -> bool:
    """What gives way to nothing."""
    return False


class Heartbeat:
    """Renews the lease every third of its time, and looks for a wish at each `beat`.

    A database that does not answer is borne until the lease must have run out, and beyond: the
    transfer is ours until somebody else has claimed it, and nobody can while it does not answer.
    `gives_way` is asked at each beat whether the slot should go to something else.
    """

    def __init__(
        self,
        held: Transfer | LesserJob,
        place: Workplace,
        kept_in: Leases = leases,
        gives_way: Callable[[], bool] = never,
    ) -> None:
        self._held = held
        self._leases = kept_in
        self._gives_way = gives_way
        self._context = place.context
        self._renewed_at = time.monotonic()
        self._silent_since: float | None = None

    def beat(self) -> Ending | None:
        """Renew when it is time; None when the child should go on."""
        try:
            wish = self._look()
            gives_way = wish is None and self._gives_way()
        except LeaseLost:
            return Ending.LEASE_LOST
        except (DBAPIError, NoConnectionFree):
            return self._bear()
        self._silent_since = None
        if gives_way:
            return Ending.GIVES_WAY
        return _OBEYED[wish] if wish else None

    def hold(self, seconds: float) -> None:
        """Keep the transfer for the time in which its child comes to an orderly end."""
        id, attempt = self._held.id, self._held.attempt
        try:
            with self._context.sessions.begin() as session:
                self._leases.renew(session, id, attempt, seconds + self._lease_seconds)
        except (LeaseLost, DBAPIError):
            _log.warning("the lease of %s was not renewed for its orderly end", id)

    @property
    def _lease_seconds(self) -> float:
        return self._context.settings.lease_seconds

    def _bear(self) -> Ending | None:
        if self._silent_since is None:
            self._silent_since = time.monotonic()
            _log.exception("the database does not answer; still working on %s", self._held.id)
        silent = time.monotonic() - self._silent_since
        return (
            Ending.LEASE_LOST if silent > self._context.settings.database_patience_seconds else None
        )

    def _look(self) -> Wish | None:
        id, attempt = self._held.id, self._held.attempt
        if time.monotonic() - self._renewed_at < self._lease_seconds / 3:
            with self._context.readers() as session:
                return self._leases.wish(session, id, attempt)
        started = time.monotonic()
        with self._context.sessions.begin() as session:
            wish = self._leases.renew(session, id, attempt, self._lease_seconds)
        self._renewed_at = started
        return wish
