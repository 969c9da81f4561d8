"""Queries on the attempts of a transfer: who tried it when, and how that ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert as insert_into
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.domain.transfer_states import AttemptOutcome
from app.domain.transfers import TransferAttempt
from app.store.clock import database_now
from app.store.records import from_row, to_row
from app.store.tables import transfer_attempts


def begin(session: Session, transfer_id: str, attempt: int, worker: str, moment: datetime) -> None:
    """Add the line of an attempt that starts at `moment`."""
    record = TransferAttempt(transfer_id, attempt, worker, moment)
    session.execute(insert_into(transfer_attempts).values(**to_row(record)))


def end(
    session: Session,
    transfer_id: str,
    attempt: int,
    outcome: AttemptOutcome,
    failure: dict[str, Any] | None = None,
) -> None:
    """Complete the line of an attempt."""
    mine = transfer_attempts.c
    statement = update(transfer_attempts).where(
        mine.transfer_id == transfer_id, mine.attempt == attempt
    )
    session.execute(
        statement.values(ended_at=database_now(session), outcome=outcome, failure=failure)
    )


def of_transfer(session: Session, transfer_id: str) -> list[TransferAttempt]:
    """All attempts of one transfer, the first one first."""
    query = select(transfer_attempts).where(transfer_attempts.c.transfer_id == transfer_id)
    query = query.order_by(transfer_attempts.c.attempt)
    return [from_row(TransferAttempt, row) for row in session.execute(query)]
