"""What people ask of a transfer that is there: cancel, pause, resume, retry, priority."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from app.domain.errors.transfers import TransferNotFound, TransferNotSteerable
from app.domain.transfer_states import TransferState, is_final
from app.domain.transfers import Transfer
from app.store import events, usage
from app.store.clock import database_now
from app.store.moves import move
from app.store.records import from_row
from app.store.tables import transfers
from app.store.turns import know_tenant


def cancel(session: Session, id: str) -> Transfer:
    """Cancel a waiting transfer at once; ask the worker of a running one to stop it.

    A transfer that has ended stays as it is. Raises `TransferNotFound`, as all of these.
    """
    row = _locked(session, id)
    if is_final(row.state) or row.cancel_requested:
        return from_row(Transfer, row)
    if row.state is TransferState.RUNNING:
        return _ask(session, id, "cancel-requested", cancel_requested=True)
    values = {"cancel_requested": True, "finished_at": database_now(session)}
    return _move(session, row, TransferState.CANCELLED, {}, **values)


def pause(session: Session, id: str) -> Transfer:
    """Let a queued transfer rest at once; ask the worker of a running one to save it and stop.

    Raises `TransferNotSteerable` for one that has ended.
    """
    row = _locked(session, id)
    if row.state is TransferState.PAUSED or row.pause_requested:
        return from_row(Transfer, row)
    if row.state is TransferState.RUNNING:
        return _ask(session, id, "pause-requested", pause_requested=True)
    if row.state is not TransferState.QUEUED:
        raise TransferNotSteerable(id, row.state, "pause")
    return _move(session, row, TransferState.PAUSED, {})


def resume(session: Session, id: str) -> Transfer:
    """Queue a paused transfer again, and take back a pause that was asked for.

    Raises `TransferNotSteerable` for one that has ended.
    """
    row = _locked(session, id)
    if row.state is TransferState.RUNNING and row.pause_requested:
        return _ask(session, id, "pause-withdrawn", pause_requested=False)
    if row.state in (TransferState.RUNNING, TransferState.QUEUED):
        return from_row(Transfer, row)
    if row.state is not TransferState.PAUSED:
        raise TransferNotSteerable(id, row.state, "resume")
    return _move(session, row, TransferState.QUEUED, {"reason": "resumed"})


def retry(session: Session, id: str) -> Transfer:
    """Queue a failed or cancelled transfer again, with its history and a new set of attempts.

    Raises `TransferNotSteerable` for any other, and `TransferInputsGone` when its model or a
    dataset was deleted meanwhile.
    """
    row = _locked(session, id)
    if row.state not in (TransferState.FAILED, TransferState.CANCELLED):
        raise TransferNotSteerable(id, row.state, "retry")
    know_tenant(session, row.tenant)
    usage.keep_inputs(session, from_row(Transfer, row).spec)
    fresh = {
        "handed_back": row.attempt,
        "not_before": None,
        "cancel_requested": False,
        "pause_requested": False,
        "finished_at": None,
        "failure": None,
        "progress": None,
    }
    return _move(session, row, TransferState.QUEUED, {"reason": "retried"}, **fresh)


def set_priority(session: Session, id: str, priority: int) -> Transfer:
    """Give a transfer another place among those that wait; one that has ended is refused."""
    row = _locked(session, id)
    if is_final(row.state):
        raise TransferNotSteerable(id, row.state, "set the priority of")
    return _ask(session, id, "priority", {"priority": priority}, priority=priority)


def _locked(session: Session, id: str) -> Row[Any]:
    query = select(transfers).where(transfers.c.id == id).with_for_update(key_share=True)
    row = session.execute(query).one_or_none()
    if row is None:
        raise TransferNotFound(id)
    return row


def _move(
    session: Session, row: Row[Any], after: TransferState, about: dict[str, Any], **values: Any
) -> Transfer:
    move(session, row.id, row.state, after, **values)
    events.append(session, row.id, after, about)
    return _read(session, row.id)


def _ask(
    session: Session, id: str, kind: str, about: dict[str, Any] | None = None, **values: Any
) -> Transfer:
    session.execute(update(transfers).where(transfers.c.id == id).values(**values))
    events.append(session, id, kind, about or {})
    return _read(session, id)


def _read(session: Session, id: str) -> Transfer:
    return from_row(Transfer, session.execute(select(transfers).where(transfers.c.id == id)).one())
