"""Supervising one claimed job of any kind: its child process, its lease and its end.

While the child works, a heartbeat keeps the lease and notices when the child should stop.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session

from app.domain.errors.transfers import LeaseLost, OutOfMemory, ProcessDied
from app.domain.jobs import Job, StopRequest
from app.engines.contract import JobSpec, RunningJob
from app.services.jobs import attempt_log
from app.settings import Settings
from app.store import job_queue
from app.store.database import retry_on_disconnect
from app.worker.claiming import Claims
from app.worker.context import Slot, WorkerContext
from app.worker.job_kinds import JobKind

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.2


class Ending(Enum):
    """Why the watch over a child ended."""

    EXITED = auto()
    CANCEL_REQUESTED = auto()
    PAUSE_REQUESTED = auto()
    WORKER_STOPS = auto()
    GIVES_WAY = auto()
    LEASE_LOST = auto()


# These let the child save its state first; every other ending has nothing worth waiting for.
_ORDERLY = (Ending.PAUSE_REQUESTED, Ending.WORKER_STOPS)
_ENDINGS = {StopRequest.CANCEL: Ending.CANCEL_REQUESTED, StopRequest.PAUSE: Ending.PAUSE_REQUESTED}


def supervise(kind: JobKind, job: Job, context: WorkerContext, slot: Slot, claims: Claims) -> None:
    """Run the job in a child process until it ends, or must not go on.

    The child itself records success and failure. What it cannot record is recorded here: a
    cancel, a pause, the death of the child, and the job handed back because the worker stops or
    because it gave way to one that `claims` took. After a lost lease (the job was taken by
    another attempt, cancelled at once, or deleted) nothing is written.
    """
    running = context.engine.start(_job_spec(kind, job, context.settings, slot))
    _log.info("%s runs as process %s in %s", child_label(job), running.group, slot.name)
    # Jobs of the first kind give way to no other of it.
    yields = kind.gives_way and kind is not context.kinds[0]
    gives_way = claims.take_for_waiting if yields else lambda: False
    heartbeat = Heartbeat(job, context, gives_way)
    ending = Ending.LEASE_LOST
    try:
        try:
            ending = _watch(running, job, heartbeat, context)
        finally:
            _stop(running, ending, heartbeat, context.settings)
            # A child that was killed could not tidy up after itself.
            context.service.artifacts.sweep()
        if ending is Ending.LEASE_LOST:
            raise LeaseLost(job.id, job.attempt)
        _record(ending, running, job, context, kind.max_attempts(context.settings))
        _log.info("%s: %s", child_label(job), ending.name)
    except LeaseLost:
        _log.info("%s has ended, or is held by another attempt", child_label(job))


def child_label(job: Job) -> str:
    """The word by which the child of this attempt is known: the id and the attempt."""
    return f"{job.id}-{job.attempt}"


class Heartbeat:
    """Renews the lease every third of its time, and looks for a stop request at each `beat`.

    A database that does not answer is tolerated until the lease must have run out, and beyond:
    the job is ours until somebody else has claimed it, and nobody can while it does not answer.
    `gives_way` is asked at each beat whether the slot should go to another job.
    """

    def __init__(
        self, job: Job, context: WorkerContext, gives_way: Callable[[], bool] = lambda: False
    ) -> None:
        self._job = job
        self._gives_way = gives_way
        self._service = context.service
        self._settings = context.settings
        self._renewed_at = time.monotonic()
        self._silent_since: float | None = None

    def beat(self) -> Ending | None:
        """Renew when it is time; None when the child should go on."""
        try:
            requested = self._look()
            gives_way = requested is None and self._gives_way()
        except LeaseLost:
            return Ending.LEASE_LOST
        except (DBAPIError, NoConnectionFree):
            return self._tolerate_silence()
        self._silent_since = None
        if gives_way:
            return Ending.GIVES_WAY
        return _ENDINGS[requested] if requested else None

    def extend(self, seconds: float) -> None:
        """Hold the job for the time in which its child comes to an orderly end."""
        id, attempt = self._job.id, self._job.attempt
        try:
            with self._service.sessions.begin() as session:
                job_queue.renew(session, id, attempt, seconds + self._settings.lease_seconds)
        except (LeaseLost, DBAPIError, NoConnectionFree):
            _log.warning("the lease of %s was not renewed for its shutdown", id)

    def _tolerate_silence(self) -> Ending | None:
        if self._silent_since is None:
            self._silent_since = time.monotonic()
            _log.exception("the database does not answer; still working on %s", self._job.id)
        silent = time.monotonic() - self._silent_since
        return Ending.LEASE_LOST if silent > self._settings.database_patience_seconds else None

    def _look(self) -> StopRequest | None:
        id, attempt, lease_seconds = self._job.id, self._job.attempt, self._settings.lease_seconds
        if time.monotonic() - self._renewed_at < lease_seconds / 3:
            with self._service.readers() as session:
                return job_queue.stop_request(session, id, attempt)
        started = time.monotonic()
        with self._service.sessions.begin() as session:
            requested = job_queue.renew(session, id, attempt, lease_seconds)
        self._renewed_at = started
        return requested


def _job_spec(kind: JobKind, job: Job, settings: Settings, slot: Slot) -> JobSpec:
    label = child_label(job)
    return JobSpec(
        target=kind.target,
        arguments={"job_id": job.id, "attempt": job.attempt},
        label=label,
        log=attempt_log(settings, label),
        # The child reads settings of its own, and they must be ours wherever ours came from.
        environment=settings.environment() | slot.environment,
    )


def _watch(running: RunningJob, job: Job, heartbeat: Heartbeat, context: WorkerContext) -> Ending:
    """Note where the child runs, for who comes after us, and wait until it must not go on."""

    def note_group(session: Session) -> None:
        job_queue.record_process_group(session, job.id, job.attempt, running.group)
        # A job that another gave way to was claimed before that one had ended.
        job_queue.renew(session, job.id, job.attempt, context.settings.lease_seconds)

    retry_seconds = context.settings.database_patience_seconds
    try:
        retry_on_disconnect(context.service.sessions, note_group, retry_seconds)
    except LeaseLost:
        return Ending.LEASE_LOST
    while running.poll() is None:
        if ending := heartbeat.beat():
            return ending
        if context.stop.wait(_LOOK_SECONDS):
            return Ending.WORKER_STOPS
    return Ending.EXITED


def _stop(running: RunningJob, ending: Ending, heartbeat: Heartbeat, settings: Settings) -> None:
    if ending in _ORDERLY:
        heartbeat.extend(settings.drain_seconds)
        running.stop(settings.drain_seconds)
    else:
        running.stop(settings.stop_grace_seconds)


def _record(
    ending: Ending, running: RunningJob, job: Job, context: WorkerContext, max_attempts: int
) -> None:
    def record(session: Session) -> None:
        # Locks the job, so that no request comes between. Raises LeaseLost when the child has
        # recorded the end itself, which is the usual case.
        job_queue.require_held(session, job.id, job.attempt)
        requested = job_queue.stop_request(session, job.id, job.attempt)
        if requested is StopRequest.CANCEL:
            job_queue.cancelled(session, job.id, job.attempt)
        elif requested is StopRequest.PAUSE:
            job_queue.paused(session, job.id, job.attempt)
        elif ending is Ending.GIVES_WAY:
            job_queue.hand_back(session, job.id, job.attempt, reason="gave-way")
        elif ending in _ORDERLY:  # a pause that was withdrawn meanwhile is handed back as well
            job_queue.hand_back(session, job.id, job.attempt)
        else:
            job_queue.lose(session, job.id, job.attempt, _death_of(running), max_attempts)

    retry_seconds = context.settings.database_patience_seconds
    retry_on_disconnect(context.service.sessions, record, retry_seconds)


def _death_of(running: RunningJob) -> dict[str, object]:
    """Why a child is gone that recorded no end, as a failure."""
    if running.died_of_memory():
        return OutOfMemory().as_dict()
    return ProcessDied(running.poll() or 0).as_dict()
