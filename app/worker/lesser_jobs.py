"""Finding a lesser job for a slot for which no transfer waits."""

from __future__ import annotations

import time

from app.worker.lesser_kinds import HeldJob, LesserKind
from app.worker.workplace import Workplace

# Idle slots look for transfers several times a second; looking for these costs more queries, and
# nobody waits for them as long as for a transfer's start.
_LOOK_SECONDS = 1.0


class LesserJobs:
    """Claims lesser jobs for one slot."""

    def __init__(self, worker: str, place: Workplace) -> None:
        self._worker = worker
        self._place = place
        self._look_at = 0.0

    def claim(self) -> HeldJob | None:
        """The next job of the first kind that has one; None when there is none, or it is too soon.

        After a job the next look is at once.
        """
        if time.monotonic() < self._look_at:
            return None
        settings = self._place.context.settings
        for kind in self._place.lesser_kinds:
            if kind.wanted(settings) and (found := self._claim_of(kind)):
                return found
        self._look_at = time.monotonic() + _LOOK_SECONDS
        return None

    def _claim_of(self, kind: LesserKind) -> HeldJob | None:
        context = self._place.context
        with context.readers() as session:
            if not kind.waits(session):
                return None
        attempts = kind.max_attempts(context.settings)
        with context.sessions.begin() as session:
            kind.enlist(session)
            job = kind.leases.claim(session, self._worker, context.settings.lease_seconds, attempts)
        return None if job is None else HeldJob(kind, job)
