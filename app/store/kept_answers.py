"""Answers kept under the Idempotency-Keys of their requests."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors.idempotency import KeyTaken
from app.domain.kept_answers import KeptAnswer
from app.store.records import from_row, to_row
from app.store.tables import idempotency_keys
from app.store.upsert import insert_or_update


def insert(session: Session, answer: KeptAnswer) -> None:
    """Keep an answer, in the transaction that creates what it tells of.

    Raises `KeyTaken` when another transaction answered under this key; one that is about to is
    waited for.
    """
    statement = insert_or_update(session, idempotency_keys).values(**to_row(answer))
    statement = statement.on_conflict_do_nothing(index_elements=["key", "method", "path"])
    if session.execute(statement.returning(idempotency_keys.c.key)).first() is None:
        raise KeyTaken(answer.key)


def get(session: Session, key: str, method: str, path: str) -> KeptAnswer | None:
    """The answer that was given under this key at this address."""
    table = idempotency_keys.c
    query = select(idempotency_keys).where(
        table.key == key, table.method == method, table.path == path
    )
    row = session.execute(query).one_or_none()
    return None if row is None else from_row(KeptAnswer, row)
