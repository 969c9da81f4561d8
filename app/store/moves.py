"""Moving a transfer's row from one state to another, as its state machine allows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.domain.transfer_states import TransferState, may_move
from app.store.tables import transfers


def move(
    session: Session, id: str, before: TransferState, after: TransferState, **values: Any
) -> None:
    """Write the new state and `values`; the caller holds the row and knows it in `before`."""
    assert may_move(before, after), f"a transfer does not go from {before} to {after}"
    session.execute(update(transfers).where(transfers.c.id == id).values(state=after, **values))
