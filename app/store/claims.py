"""Claiming the next transfer from the table, which is the queue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, and_, or_, select, update
from sqlalchemy.orm import Session

from app.domain.errors.transfers import AttemptsExhausted
from app.domain.transfer_states import TransferState, may_move
from app.domain.transfers import Transfer
from app.store import events
from app.store.clock import database_now
from app.store.records import from_row
from app.store.tables import transfers


def claim(
    session: Session, worker: str, lease_seconds: float, max_attempts: int
) -> Transfer | None:
    """The oldest waiting transfer, now running for `worker` under a lease; None when none waits.

    Waiting is what is queued, or running with a lease that ran out by the database's clock. Its
    `attempt` grows by one, which fences off every earlier attempt. A transfer that lost its
    worker `max_attempts` times fails with `attempts-exhausted`; attempts that a stopping worker
    handed back do not count.
    """
    while True:
        moment = database_now(session)
        row = session.execute(_next_waiting(moment)).one_or_none()
        if row is None:
            return None
        if row.cancel_requested:
            _finish(session, row, TransferState.CANCELLED, moment)
        elif row.attempt - row.handed_back >= max_attempts:
            failure = AttemptsExhausted(max_attempts).as_dict()
            _finish(session, row, TransferState.FAILED, moment, failure=failure)
        else:
            return _start(session, row, worker, moment, lease_seconds)


def _next_waiting(moment: datetime) -> Select[Any]:
    abandoned = and_(
        transfers.c.state == TransferState.RUNNING, transfers.c.lease_expires_at < moment
    )
    query = select(transfers).where(or_(transfers.c.state == TransferState.QUEUED, abandoned))
    query = query.order_by(transfers.c.created_at, transfers.c.id).limit(1)
    # SQLite knows no row locks and needs none: the transaction began IMMEDIATE.
    return query.with_for_update(skip_locked=True)


def _start(
    session: Session, row: Row[Any], worker: str, moment: datetime, lease_seconds: float
) -> Transfer:
    if row.state is TransferState.RUNNING:
        _move(session, row.id, row.state, TransferState.QUEUED)
        events.append(session, row.id, TransferState.QUEUED, {"reason": "lease-expired"})
    _move(
        session,
        row.id,
        TransferState.QUEUED,
        TransferState.RUNNING,
        attempt=row.attempt + 1,
        worker=worker,
        lease_expires_at=moment + timedelta(seconds=lease_seconds),
        started_at=moment,
        process_group=None,
        progress=None,
    )
    about = {"attempt": row.attempt + 1, "worker": worker}
    events.append(session, row.id, TransferState.RUNNING, about)
    return from_row(
        Transfer, session.execute(select(transfers).where(transfers.c.id == row.id)).one()
    )


def _finish(
    session: Session, row: Row[Any], after: TransferState, moment: datetime, **values: Any
) -> None:
    values |= {"finished_at": moment, "lease_expires_at": None}
    _move(session, row.id, row.state, after, **values)
    events.append(session, row.id, after, values.get("failure") or {})


def _move(
    session: Session, id: str, before: TransferState, after: TransferState, **values: Any
) -> None:
    assert may_move(before, after), f"a transfer does not go from {before} to {after}"
    session.execute(update(transfers).where(transfers.c.id == id).values(state=after, **values))
