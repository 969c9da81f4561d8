"""Queries on transfers; what a worker does with a transfer it holds stands in `leases.py`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert as insert_into
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.domain.companions import companion_model_id
from app.domain.errors.transfers import TransferNotFound
from app.domain.identity import now
from app.domain.transfer_states import TransferState, is_final, may_move
from app.domain.transfers import Transfer
from app.store import events, usage
from app.store.page import Page, read_page
from app.store.records import from_row, to_row
from app.store.tables import transfer_datasets, transfers


def insert(session: Session, transfer: Transfer) -> None:
    """Queue a transfer; its model and datasets cannot be deleted from here on.

    Raises `TransferInputsGone` when the model or a dataset does not exist.
    """
    usage.keep_inputs(session, transfer.spec)
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
    if model_id is not None:
        of_model = (transfers.c.source_model_id == model_id, transfers.c.model_id == model_id)
        query = query.where(or_(*of_model))
    return read_page(session, Transfer, query, transfers, limit, cursor)


def request_cancel(session: Session, id: str) -> Transfer:
    """Cancel a queued transfer at once; ask the worker of a running one to stop it.

    A transfer that has ended stays as it is. Raises `TransferNotFound`.
    """
    locked = select(transfers).where(transfers.c.id == id).with_for_update(key_share=True)
    transfer = _one(session, locked)
    if transfer is None:
        raise TransferNotFound(id)
    if is_final(transfer.state) or transfer.cancel_requested:
        return transfer
    values: dict[str, Any] = {"cancel_requested": True}
    at_once = transfer.state is TransferState.QUEUED
    if at_once and may_move(transfer.state, TransferState.CANCELLED):
        values |= {"state": TransferState.CANCELLED, "finished_at": now()}
    session.execute(update(transfers).where(transfers.c.id == id).values(**values))
    events.append(session, id, TransferState.CANCELLED if at_once else "cancel-requested", {})
    cancelled = get(session, id)
    assert cancelled is not None
    return cancelled


def _one(session: Session, query: Any) -> Transfer | None:
    row = session.execute(query).one_or_none()
    return None if row is None else from_row(Transfer, row)
