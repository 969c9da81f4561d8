"""Pages of a list, newest first, by an opaque cursor that stays right while rows are added."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, Table, and_, or_
from sqlalchemy.orm import Session

from app.domain.errors.pages import CursorUnknown
from app.store.records import from_row

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some items, newest first; `next_cursor` is None on the last page."""

    items: Sequence[T]
    next_cursor: str | None


def read_page(
    session: Session,
    kind: type[T],
    query: Select[Any],
    table: Table,
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """The first `limit` rows of `query` after `cursor`, each as a `kind`.

    `table` has the columns `created_at` and `id`, by which rows are ordered. Raises
    `CursorUnknown` for a cursor that no page gave.
    """
    if cursor is not None:
        query = query.where(_older_than(table, *_decode(cursor)))
    query = query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit + 1)
    rows = session.execute(query).all()
    more = len(rows) > limit
    kept = rows[:limit]
    following = _encode(kept[-1].created_at, kept[-1].id) if more and kept else None
    return Page([from_row(kind, row) for row in kept], following)


def _older_than(table: Table, created_at: datetime, id: str) -> Any:
    same_moment = and_(table.c.created_at == created_at, table.c.id < id)
    return or_(table.c.created_at < created_at, same_moment)


def _encode(created_at: datetime, id: str) -> str:
    plain = json.dumps([created_at.isoformat(), id])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        moment, id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        created_at = datetime.fromisoformat(moment)
        if created_at.tzinfo is None or not isinstance(id, str):
            raise ValueError("not a cursor of ours")
        return created_at, id
    except (ValueError, TypeError, binascii.Error) as error:
        raise CursorUnknown(cursor) from error
