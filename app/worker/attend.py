"""Seeing one claimed transfer through: its child process, its lease and its end."""

from __future__ import annotations

import logging

from sqlalchemy.orm import Session

from app.domain.errors.running import OutOfMemory
from app.domain.errors.transfers import LeaseLost, ProcessDied
from app.domain.lesser_jobs import LesserJob
from app.domain.transfer_states import Wish
from app.domain.transfers import Transfer
from app.engines.contract import Order, Running
from app.services.attempt_logs import attempt_log
from app.settings import Settings
from app.store import leases
from app.store.patience import patiently
from app.worker.heartbeat import Ending, Heartbeat, Leases
from app.worker.slots import Slot
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.2
# These let the child save its state first; every other ending has nothing worth waiting for.
_ORDERLY = (Ending.PAUSE_REQUESTED, Ending.WORKER_STOPS)


def child_label(held: Transfer | LesserJob) -> str:
    """The word by which the child of this attempt is known: the id and the attempt."""
    return f"{held.id}-{held.attempt}"


def attend(transfer: Transfer, place: Workplace, slot: Slot) -> None:
    """Run the transfer in a child process until it ends, or must not go on.

    The child itself records success and failure. What it cannot record is recorded here: a
    cancel, a pause, the death of the child, and the transfer handed back because the worker
    stops. After a lost lease nothing is written.
    """
    running = place.engine.start(_order(transfer, place, slot))
    _log.info("%s runs as process %s in %s", child_label(transfer), running.group, slot.name)
    heartbeat = Heartbeat(transfer, place)
    ending = Ending.LEASE_LOST
    try:
        try:
            ending = hold(running, transfer, heartbeat, place)
        finally:
            _stop(running, ending, heartbeat, place.context.settings)
            # A child that was killed could not tidy up after itself.
            place.context.artifacts.sweep()
        if ending is Ending.LEASE_LOST:
            raise LeaseLost(transfer.id, transfer.attempt)
        _record(ending, running, transfer, place)
        _log.info("%s: %s", child_label(transfer), ending.name)
    except LeaseLost:
        _log.info("%s has ended, or is held by another attempt", child_label(transfer))


def hold(
    running: Running,
    held: Transfer | LesserJob,
    heartbeat: Heartbeat,
    place: Workplace,
    kept_in: Leases = leases,
) -> Ending:
    """Note where the child runs, for who comes after us, and wait until it must not go on."""

    def note_group(session: Session) -> None:
        kept_in.record_process_group(session, held.id, held.attempt, running.group)

    patience = place.context.settings.database_patience_seconds
    try:
        patiently(place.context.sessions, note_group, patience)
    except LeaseLost:
        return Ending.LEASE_LOST
    return _watch(running, heartbeat, place)


def _watch(running: Running, heartbeat: Heartbeat, place: Workplace) -> Ending:
    while running.poll() is None:
        if ending := heartbeat.beat():
            return ending
        if place.stop.wait(_LOOK_SECONDS):
            return Ending.WORKER_STOPS
    return Ending.EXITED


def _order(transfer: Transfer, place: Workplace, slot: Slot) -> Order:
    label = child_label(transfer)
    return Order(
        target=place.target,
        arguments={"transfer_id": transfer.id, "attempt": transfer.attempt},
        label=label,
        log=attempt_log(place.context.settings, label),
        # The child reads settings of its own, and they must be ours wherever ours came from.
        environment=place.context.settings.environment() | slot.environment,
    )


def _stop(running: Running, ending: Ending, heartbeat: Heartbeat, settings: Settings) -> None:
    if ending in _ORDERLY:
        heartbeat.hold(settings.drain_seconds)
        running.stop(settings.drain_seconds)
    else:
        running.stop(settings.stop_grace_seconds)


def _record(ending: Ending, running: Running, transfer: Transfer, place: Workplace) -> None:
    id, attempt, settings = transfer.id, transfer.attempt, place.context.settings

    def record(session: Session) -> None:
        # Raises LeaseLost when the child has recorded the end itself, which is the usual case.
        wish = leases.wish(session, id, attempt)
        if wish is Wish.CANCEL:
            leases.cancelled(session, id, attempt)
        elif wish is Wish.PAUSE:
            leases.paused(session, id, attempt)
        elif ending in _ORDERLY:  # a pause that was withdrawn meanwhile is handed back as well
            leases.hand_back(session, id, attempt)
        else:
            leases.lose(session, id, attempt, death_of(running), settings.max_attempts)

    patiently(place.context.sessions, record, settings.database_patience_seconds)


def death_of(running: Running) -> dict[str, object]:
    """Why a child is gone that recorded no end, as a failure."""
    if running.died_of_memory():
        return OutOfMemory().as_dict()
    return ProcessDied(running.poll() or 0).as_dict()
