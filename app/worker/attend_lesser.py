"""Seeing one claimed lesser job through: its child process, its lease and its end."""

from __future__ import annotations

import logging

from sqlalchemy.orm import Session

from app.domain.errors.transfers import LeaseLost
from app.engines.contract import Order, Running
from app.services.attempt_logs import attempt_log
from app.store.patience import patiently
from app.worker.attend import child_label, death_of, hold
from app.worker.heartbeat import Ending, Heartbeat, never
from app.worker.lesser_kinds import HeldJob
from app.worker.slots import Slot
from app.worker.waiting_transfers import WaitingTransfers
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)


def attend_lesser(held: HeldJob, place: Workplace, slot: Slot, transfers: WaitingTransfers) -> None:
    """Do the job in a child process until it ends, or must not go on.

    The child records its own success or failure. Recorded here are its death, and the job handed
    back because the worker stops, or because it gave way to one of `transfers`. A job that was
    cancelled or deleted is a lost lease: its child is ended, and nothing is written.
    """
    job, settings = held.job, place.context.settings
    running = place.engine.start(_order(held, place, slot))
    _log.info("%s runs as process %s in %s", child_label(job), running.group, slot.name)
    gives_way = transfers.take if held.kind.gives_way else never
    heartbeat = Heartbeat(job, place, held.kind.leases, gives_way)
    ending = Ending.LEASE_LOST
    try:
        ending = hold(running, job, heartbeat, place, held.kind.leases)
    finally:
        if ending is Ending.WORKER_STOPS:
            heartbeat.hold(settings.drain_seconds)
            running.stop(settings.drain_seconds)
        else:
            running.stop(settings.stop_grace_seconds)
        place.context.artifacts.sweep()
    if ending is not Ending.LEASE_LOST:
        _record(ending, running, held, place)
    _log.info("%s: %s", child_label(job), ending.name)


def _order(held: HeldJob, place: Workplace, slot: Slot) -> Order:
    kind, job, settings = held.kind, held.job, place.context.settings
    label = child_label(job)
    return Order(
        target=kind.target,
        arguments={kind.argument: job.id, "attempt": job.attempt},
        label=label,
        log=attempt_log(settings, label),
        environment=settings.environment() | slot.environment,
    )


def _record(ending: Ending, running: Running, held: HeldJob, place: Workplace) -> None:
    kind, job, settings = held.kind, held.job, place.context.settings

    def record(session: Session) -> None:
        if ending in (Ending.WORKER_STOPS, Ending.GIVES_WAY):
            kind.leases.hand_back(session, job.id, job.attempt)
        else:
            most = kind.max_attempts(settings)
            kind.leases.lose(session, job.id, job.attempt, death_of(running), most)

    try:
        patiently(place.context.sessions, record, settings.database_patience_seconds)
    except LeaseLost:  # the usual case: the child has recorded the end itself
        _log.info("%s has ended, or is held by another attempt", child_label(job))
