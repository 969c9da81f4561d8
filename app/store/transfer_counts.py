"""How many transfers are in which state, and how long the oldest has waited."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.identity import now
from app.domain.transfer_states import TransferState
from app.store.tables import transfers


def by_state(session: Session) -> dict[TransferState, int]:
    """The number of transfers in every state; read from an index alone."""
    query = select(transfers.c.state, func.count()).group_by(transfers.c.state)
    found: dict[TransferState, int] = dict(session.execute(query).tuples().all())
    return {state: found.get(state, 0) for state in TransferState}


def oldest_queued_seconds(session: Session) -> float:
    """The seconds since the oldest transfer that waits was asked for; 0 where none waits."""
    queued = transfers.c.state == TransferState.QUEUED
    oldest = session.scalar(select(func.min(transfers.c.created_at)).where(queued))
    return 0.0 if oldest is None else max(0.0, (now() - oldest).total_seconds())
