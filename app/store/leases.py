"""What the attempt that holds a transfer may write; each write is refused to any other.

`attempt` is a fencing token (Kleppmann, How to do distributed locking, 2016): a worker that
slept through the end of its lease finds the transfer at a later attempt and writes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from app.domain.errors.running import OutOfMemory
from app.domain.errors.transfers import LeaseLost
from app.domain.transfer_states import AttemptOutcome, TransferState, Wish, is_final, may_move
from app.domain.transfers import Progress, Transfer
from app.store import attempts, events
from app.store.claims import anything_waits, claim
from app.store.clock import database_now
from app.store.lost_attempts import put_back
from app.store.records import from_row
from app.store.tables import transfers

__all__ = [
    "anything_waits",
    "cancelled",
    "claim",
    "fail",
    "hand_back",
    "held",
    "lose",
    "paused",
    "record_event",
    "record_process_group",
    "record_progress",
    "renew",
    "succeed",
    "wish",
]


_WISHES: tuple[ColumnElement[bool], ...] = (
    transfers.c.cancel_requested,
    transfers.c.pause_requested,
)


def held(session: Session) -> list[Transfer]:
    """Every running transfer, whoever holds it, its lease run out or not."""
    query = select(transfers).where(transfers.c.state == TransferState.RUNNING)
    return [from_row(Transfer, row) for row in session.execute(query)]


def wish(session: Session, id: str, attempt: int) -> Wish | None:
    """What somebody asked of the transfer meanwhile; writes nothing.

    Raises `LeaseLost`, as every function below, when another attempt holds the transfer or it
    has ended.
    """
    query = select(*_WISHES).where(*_held_by(id, attempt))
    return _asked(session.execute(query).one_or_none(), id, attempt)


def renew(session: Session, id: str, attempt: int, lease_seconds: float) -> Wish | None:
    """Hold the transfer for `lease_seconds` from now; what somebody asked of it."""
    until = database_now(session) + timedelta(seconds=lease_seconds)
    return _write(session, id, attempt, lease_expires_at=until)


def record_process_group(session: Session, id: str, attempt: int, group: int) -> None:
    """Note the operating system's process group of the transfer's child."""
    _write(session, id, attempt, process_group=group)


def record_progress(session: Session, id: str, attempt: int, progress: Progress) -> Wish | None:
    """Note how far the transfer is; what somebody asked of it."""
    return _write(session, id, attempt, progress=progress)


def record_event(session: Session, id: str, attempt: int, kind: str, data: dict[str, Any]) -> None:
    """Add a line to the transfer's history, as `events.append` does, but for the holder alone."""
    _write(session, id, attempt, cancel_requested=transfers.c.cancel_requested)
    events.append(session, id, kind, data)


def succeed(session: Session, id: str, attempt: int, model_id: str, result: dict[str, Any]) -> None:
    """Record the model that the transfer made, and its result."""
    values = {"model_id": model_id, "result": result, "progress": Progress("succeeded", 1.0, 0.0)}
    _move(session, id, attempt, TransferState.SUCCEEDED, {"model_id": model_id}, **values)
    attempts.end(session, id, attempt, AttemptOutcome.SUCCEEDED)


def fail(session: Session, id: str, attempt: int, failure: dict[str, Any]) -> None:
    """Record why the transfer cannot be completed: an error's `as_dict()`."""
    _move(session, id, attempt, TransferState.FAILED, failure, failure=failure)
    attempts.end(session, id, attempt, AttemptOutcome.FAILED, failure)


def cancelled(session: Session, id: str, attempt: int) -> None:
    """Record that the transfer was stopped because somebody asked for it."""
    _move(session, id, attempt, TransferState.CANCELLED, {})
    attempts.end(session, id, attempt, AttemptOutcome.CANCELLED)


def paused(session: Session, id: str, attempt: int) -> None:
    """Record that the transfer rests because somebody asked for it; no attempt is lost by it."""
    _move(session, id, attempt, TransferState.PAUSED, {}, **_uncounted(), pause_requested=False)
    attempts.end(session, id, attempt, AttemptOutcome.PAUSED)


def hand_back(session: Session, id: str, attempt: int) -> None:
    """Put the transfer back into the queue because its worker stops; no attempt is lost by it."""
    about = {"reason": "worker-stopped"}
    _move(session, id, attempt, TransferState.QUEUED, about, **_uncounted())
    attempts.end(session, id, attempt, AttemptOutcome.HANDED_BACK)


def lose(
    session: Session, id: str, attempt: int, failure: dict[str, Any], max_attempts: int
) -> None:
    """Record that the attempt ended by `failure` and should be tried again, within bounds.

    When memory ran out, the next attempt divides its batches once more.
    """
    query = select(transfers).where(*_held_by(id, attempt)).with_for_update()
    row = session.execute(query).one_or_none()
    if row is None:
        raise LeaseLost(id, attempt)
    attempts.end(session, id, attempt, AttemptOutcome.DIED, failure)
    memory = failure["code"] == OutOfMemory.code
    halvings = {"batch_halvings": row.batch_halvings + 1} if memory else {}
    about = {"reason": failure["code"], "message": failure["message"]}
    moment = database_now(session)
    put_back(session, row, moment, max_attempts, about, failure, **halvings)


def _uncounted() -> dict[str, Any]:
    return {"handed_back": transfers.c.handed_back + 1, "progress": None}


def _move(
    session: Session,
    id: str,
    attempt: int,
    after: TransferState,
    about: dict[str, Any],
    **values: Any,
) -> None:
    assert may_move(TransferState.RUNNING, after), f"a running transfer does not become {after}"
    values |= {"state": after, "lease_expires_at": None, "process_group": None}
    if is_final(after):
        values["finished_at"] = database_now(session)
    _write(session, id, attempt, **values)
    events.append(session, id, after, about)


def _write(session: Session, id: str, attempt: int, **values: Any) -> Wish | None:
    statement = update(transfers).where(*_held_by(id, attempt)).values(**values)
    row = session.execute(statement.returning(*_WISHES)).one_or_none()
    return _asked(row, id, attempt)


def _held_by(id: str, attempt: int) -> tuple[ColumnElement[bool], ...]:
    running = transfers.c.state == TransferState.RUNNING
    return (transfers.c.id == id, transfers.c.attempt == attempt, running)


def _asked(row: Any, id: str, attempt: int) -> Wish | None:
    if row is None:
        raise LeaseLost(id, attempt)
    if row.cancel_requested:
        return Wish.CANCEL
    return Wish.PAUSE if row.pause_requested else None
