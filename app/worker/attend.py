"""Seeing one claimed transfer through: its child process, its lease and its end."""

from __future__ import annotations

import logging

from app.artifacts.disk import DiskArtifacts
from app.domain.errors.transfers import LeaseLost, ProcessDied
from app.domain.transfers import Transfer
from app.engines.contract import Order, Running
from app.settings import Settings
from app.store import leases
from app.worker.heartbeat import Ending, Heartbeat
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.2


def child_label(transfer: Transfer) -> str:
    """The word by which the child of this attempt is known: the transfer's id and the attempt."""
    return f"{transfer.id}-{transfer.attempt}"


def attend(transfer: Transfer, place: Workplace) -> None:
    """Run the transfer in a child process until it ends, or must not go on.

    The child itself records success and failure. What it cannot record is recorded here: a
    cancel, the death of the child, and the transfer handed back because the worker stops. After
    a lost lease nothing is written.
    """
    running = place.engine.start(_order(transfer, place))
    _log.info("%s runs as process %s", child_label(transfer), running.group)
    try:
        try:
            ending = _watch(running, transfer, place)
        finally:
            running.stop(place.settings.stop_grace_seconds)
            # A child that was killed could not tidy up after itself.
            DiskArtifacts(place.settings.data_dir / "artifacts").sweep()
        if ending is Ending.LEASE_LOST:
            raise LeaseLost(transfer.id, transfer.attempt)
        _record(ending, running, transfer, place)
        _log.info("%s: %s", child_label(transfer), ending.name)
    except LeaseLost:
        _log.info("%s has ended, or is held by another attempt", child_label(transfer))


def _order(transfer: Transfer, place: Workplace) -> Order:
    label = child_label(transfer)
    return Order(
        target=place.target,
        arguments={"transfer_id": transfer.id, "attempt": transfer.attempt},
        label=label,
        log=place.settings.data_dir / "logs" / f"{label}.log",
        # The child reads settings of its own, and they must be ours wherever ours came from.
        environment=_environment(place.settings),
    )


def _environment(settings: Settings) -> dict[str, str]:
    prefix = settings.model_config["env_prefix"]
    values = settings.model_dump(mode="json")
    return {f"{prefix}{name.upper()}": str(value) for name, value in values.items()}


def _watch(running: Running, transfer: Transfer, place: Workplace) -> Ending:
    heartbeat = Heartbeat(transfer, place)
    with place.writing() as session:
        leases.record_process_group(session, transfer.id, transfer.attempt, running.group)
        session.commit()
    while running.poll() is None:
        if ending := heartbeat.beat():
            return ending
        if place.stop.wait(_LOOK_SECONDS):
            return Ending.WORKER_STOPS
    return Ending.EXITED


def _record(ending: Ending, running: Running, transfer: Transfer, place: Workplace) -> None:
    with place.writing() as session:
        # Raises LeaseLost when the child has recorded the end itself, which is the usual case.
        if leases.cancel_requested(session, transfer.id, transfer.attempt):
            leases.cancelled(session, transfer.id, transfer.attempt)
        elif ending is Ending.WORKER_STOPS:
            leases.hand_back(session, transfer.id, transfer.attempt)
        else:
            died = ProcessDied(running.poll() or 0)
            leases.fail(session, transfer.id, transfer.attempt, died.as_dict())
        session.commit()
