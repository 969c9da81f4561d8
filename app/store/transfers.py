"""Queries on transfers.

What a worker does with a transfer it holds stands in `leases.py`, what people ask of one in
`steering.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import insert as insert_into
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.companions import companion_model_id
from app.domain.transfer_states import TransferState
from app.domain.transfers import Transfer, TransferStanding
from app.store import events, usage
from app.store.page import Page, read_page
from app.store.records import from_row, to_row
from app.store.tables import transfer_datasets, transfers
from app.store.turns import know_tenant


def insert(session: Session, transfer: Transfer) -> None:
    """Queue a transfer; its model and datasets cannot be deleted from here on.

    Raises `TransferInputsGone` when the model or a dataset does not exist.
    """
    usage.keep_inputs(session, transfer.spec)
    know_tenant(session, transfer.tenant)
    statement = insert_into(transfers).values(
        **to_row(transfer),
        source_model_id=transfer.spec.model_id,
        companion_model_id=companion_model_id(transfer.spec.companion),
    )
    session.execute(statement)
    for role, dataset_id in transfer.spec.datasets.items():
        values = {"transfer_id": transfer.id, "role": role, "dataset_id": dataset_id}
        session.execute(insert_into(transfer_datasets).values(values))
    events.append(session, transfer.id, TransferState.QUEUED, {})


def get(session: Session, id: str) -> Transfer | None:
    """The transfer with this id."""
    return _one(session, select(transfers).where(transfers.c.id == id))


def standings(session: Session, ids: Sequence[str]) -> list[TransferStanding]:
    """How these transfers stand, in one statement; those that do not exist are left out."""
    columns = (transfers.c[one.name] for one in fields(TransferStanding))
    query = select(*columns).where(transfers.c.id.in_(ids))
    return [from_row(TransferStanding, row) for row in session.execute(query)]


def page(
    session: Session,
    limit: int,
    cursor: str | None = None,
    state: TransferState | None = None,
    model_id: str | None = None,
) -> Page[Transfer]:
    """Transfers, newest first; `model_id` finds those that start from the model or made it."""
    query = select(transfers)
    if state is not None:
        query = query.where(transfers.c.state == state)
    of_model = (transfers.c.source_model_id == model_id, transfers.c.model_id == model_id)
    either = of_model if model_id is not None else ()
    return read_page(session, Transfer, query, transfers, limit, cursor, either)


def _one(session: Session, query: Any) -> Transfer | None:
    row = session.execute(query).one_or_none()
    return None if row is None else from_row(Transfer, row)
