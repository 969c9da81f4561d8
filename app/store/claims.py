"""Claiming the next transfer from the table, which is the queue."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, exists, or_, select, text
from sqlalchemy.orm import Session

from app.domain.transfer_states import TransferState
from app.domain.transfers import Transfer
from app.store import attempts, events
from app.store.clock import database_now
from app.store.lost_attempts import release_expired
from app.store.moves import move
from app.store.records import from_row
from app.store.tables import transfers
from app.store.turns import next_in_turn, note_turn

_ADVISORY_LOCK = 7_305_042_868  # any number that no other program on the database takes


def anything_waits(session: Session) -> bool:
    """Whether a claim might find something; reads only, so that idle workers disturb nobody."""
    moment = database_now(session)
    ready = or_(transfers.c.not_before.is_(None), transfers.c.not_before <= moment)
    queued = and_(transfers.c.state == TransferState.QUEUED, ready)
    lost = and_(transfers.c.state == TransferState.RUNNING, transfers.c.lease_expires_at < moment)
    found = or_(exists().where(queued), exists().where(lost))
    return bool(session.scalar(select(found)))


def claim(
    session: Session, worker: str, lease_seconds: float, max_attempts: int
) -> Transfer | None:
    """The next waiting transfer, now running for `worker` under a lease; None when none waits.

    First every transfer whose lease ran out by the database's clock is put back (or fails, when
    that was its last of `max_attempts`). Then the highest priority goes first, then the tenant
    with the fewest transfers running, then the one served longest ago, then the oldest. The
    transfer's `attempt` grows by one, which fences off every earlier attempt.
    """
    _take_turns(session)
    moment = database_now(session)
    release_expired(session, moment, max_attempts)
    row = next_in_turn(session, moment)
    if row is None:
        return None
    note_turn(session, row.tenant, moment)
    return _start(session, row, worker, moment, lease_seconds)


def _take_turns(session: Session) -> None:
    """One claim after the other, so that each sees what the one before gave to whom.

    SQLite needs no lock for it: its writing transactions exclude each other from their begin.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))


def _start(
    session: Session, row: Row[Any], worker: str, moment: datetime, lease_seconds: float
) -> Transfer:
    attempt = row.attempt + 1
    move(
        session,
        row.id,
        TransferState.QUEUED,
        TransferState.RUNNING,
        attempt=attempt,
        worker=worker,
        lease_expires_at=moment + timedelta(seconds=lease_seconds),
        started_at=moment,
        not_before=None,
        process_group=None,
        progress=None,
    )
    attempts.begin(session, row.id, attempt, worker, moment)
    about = {"attempt": attempt, "worker": worker}
    events.append(session, row.id, TransferState.RUNNING, about)
    found = session.execute(select(transfers).where(transfers.c.id == row.id)).one()
    return from_row(Transfer, found)
