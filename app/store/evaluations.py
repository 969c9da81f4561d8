"""Queries on evaluations."""

from __future__ import annotations

from sqlalchemy import insert as insert_into
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.evaluations import Evaluation
from app.store.page import Page, read_page
from app.store.records import from_row, to_row
from app.store.tables import evaluations


def insert(session: Session, evaluation: Evaluation) -> None:
    """Add an evaluation; its transfer exists."""
    session.execute(insert_into(evaluations).values(**to_row(evaluation)))


def get(session: Session, id: str) -> Evaluation | None:
    """The evaluation with this id."""
    row = session.execute(select(evaluations).where(evaluations.c.id == id)).one_or_none()
    return None if row is None else from_row(Evaluation, row)


def of_transfer(session: Session, transfer_id: str) -> list[Evaluation]:
    """All evaluations of one transfer, in the order in which they were made."""
    query = select(evaluations).where(evaluations.c.transfer_id == transfer_id)
    query = query.order_by(evaluations.c.created_at, evaluations.c.id)
    return [from_row(Evaluation, row) for row in session.execute(query)]


def page(
    session: Session,
    limit: int,
    cursor: str | None = None,
    transfer_id: str | None = None,
    model_id: str | None = None,
) -> Page[Evaluation]:
    """Evaluations, newest first, of one transfer and one model where they are given."""
    query = select(evaluations)
    if transfer_id is not None:
        query = query.where(evaluations.c.transfer_id == transfer_id)
    if model_id is not None:
        query = query.where(evaluations.c.model_id == model_id)
    return read_page(session, Evaluation, query, evaluations, limit, cursor)
