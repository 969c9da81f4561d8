"""The history of a transfer, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.errors.transfers import TransferNotFound
from app.domain.identity import now
from app.domain.transfers import TransferEvent
from app.store.records import from_row, to_row
from app.store.tables import transfer_events, transfers


def append(session: Session, transfer_id: str, kind: str, data: dict[str, Any]) -> TransferEvent:
    """Add a line; sequences count 1, 2, 3 without gaps, whoever writes at the same time.

    A reader that has seen a line has seen all before it: the number comes from the transfer's
    own row, which stays locked until the commit. Raises `TransferNotFound`.
    """
    number = update(transfers).where(transfers.c.id == transfer_id)
    number = number.values(last_event=transfers.c.last_event + 1)
    sequence = session.execute(number.returning(transfers.c.last_event)).scalar_one_or_none()
    if sequence is None:
        raise TransferNotFound(transfer_id)
    event = TransferEvent(transfer_id, sequence, kind, data, now())
    session.execute(insert_into(transfer_events).values(**to_row(event)))
    return event


def after(
    session: Session, transfer_id: str, sequence: int, limit: int = 500
) -> list[TransferEvent]:
    """The first `limit` lines after `sequence`, oldest first; 0 for all from the beginning."""
    return after_each(session, {transfer_id: sequence}, limit)


def after_each(session: Session, sequences: Mapping[str, int], limit: int) -> list[TransferEvent]:
    """The first `limit` lines after each transfer's own sequence, by transfer, oldest first."""
    table = transfer_events.c
    known = [
        and_(table.transfer_id == id, table.sequence > sequence)
        for id, sequence in sequences.items()
    ]
    query = select(transfer_events).where(or_(*known))
    query = query.order_by(table.transfer_id, table.sequence).limit(limit)
    return [from_row(TransferEvent, row) for row in session.execute(query)]
