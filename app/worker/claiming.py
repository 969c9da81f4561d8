"""Finding the next job for a slot: of the first kind that has one."""

from __future__ import annotations

import time

from app.domain.jobs import Job
from app.store import job_queue
from app.worker.context import WorkerContext
from app.worker.job_kinds import JobKind

# An idle slot anywhere has looked by then.
_LOOKS_OF_THE_IDLE = 3


class Claims:
    """Claims jobs for one slot, in the order of the context's kinds."""

    def __init__(self, worker: str, context: WorkerContext) -> None:
        self._worker = worker
        self._context = context
        self._look_at: dict[str, float] = {}
        self._waiting_since: float | None = None
        self.taken: Job | None = None

    def next(self) -> tuple[JobKind, Job] | None:
        """The job that was taken, else the next one; None when none waits, or it is too soon.

        After a job the next look is at once, at every kind.
        """
        taken, self.taken, self._waiting_since = self.taken, None, None
        if taken:
            return self._context.kinds[0], taken
        for kind in self._context.kinds:
            if time.monotonic() < self._look_at.get(kind.name, 0.0):
                continue
            if kind.wanted(self._context.settings) and (job := self._claim_waiting(kind)):
                self._look_at.clear()
                return kind, job
            self._look_at[kind.name] = time.monotonic() + kind.look_seconds
        return None

    def take_for_waiting(self) -> bool:
        """Claim a job of the first kind that no idle slot wanted; the slot then ends its own.

        Claimed first, it ends one slot's job and not those of all that look.
        """
        first = self._context.kinds[0]
        if not self._anything_waits(first):
            self._waiting_since = None
            return False
        self._waiting_since = self._waiting_since or time.monotonic()
        waited = time.monotonic() - self._waiting_since
        if waited >= _LOOKS_OF_THE_IDLE * self._context.settings.poll_seconds:
            self.taken = self._claim(first)
        return self.taken is not None

    def _anything_waits(self, kind: JobKind) -> bool:
        with self._context.service.readers() as session:
            return kind.anything_waits(session)

    def _claim_waiting(self, kind: JobKind) -> Job | None:
        return self._claim(kind) if self._anything_waits(kind) else None

    def _claim(self, kind: JobKind) -> Job | None:
        settings = self._context.settings
        max_attempts = kind.max_attempts(settings)
        with self._context.service.sessions.begin() as session:
            if kind.enqueue_missing is not None:
                kind.enqueue_missing(session)
            return job_queue.claim(
                session,
                kind.name,
                self._worker,
                settings.lease_seconds,
                max_attempts,
                kind.takes_turns,
            )
