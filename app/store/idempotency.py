"""Answers kept under the Idempotency-Keys of their requests, and given once more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.errors.requests import KeyTaken
from app.store.database import from_row, insert_or_update, to_row
from app.store.schema import idempotency_keys


def insert(session: Session, answer: StoredResponse) -> None:
    """Keep an answer, in the transaction that creates what it tells of.

    Raises `KeyTaken` when another transaction answered under this key; one that is about to is
    waited for.
    """
    statement = insert_or_update(session, idempotency_keys).values(**to_row(answer))
    statement = statement.on_conflict_do_nothing(index_elements=["key", "method", "path"])
    if session.execute(statement.returning(idempotency_keys.c.key)).first() is None:
        raise KeyTaken(answer.key)


def get(session: Session, key: str, method: str, path: str) -> StoredResponse | None:
    """The answer that was given under this key at this address."""
    table = idempotency_keys.c
    query = select(idempotency_keys).where(
        table.key == key, table.method == method, table.path == path
    )
    row = session.execute(query).one_or_none()
    return None if row is None else from_row(StoredResponse, row)


@dataclass(frozen=True)
class StoredResponse:
    """What was answered to the request with `key` at `method` and `path`.

    `request_digest` is the same for requests that ask the same, files' bytes included.
    """

    key: str
    method: str
    path: str
    request_digest: str
    status: int
    headers: dict[str, str]
    body: str
    created_at: datetime
