"""Pages of a list, newest first, by an opaque cursor that stays right while rows are added."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Table,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session

from app.domain.errors.requests import CursorUnknown
from app.store.database import from_row

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
    order_by: Table,
    limit: int,
    cursor: str | None,
    either: Sequence[ColumnElement[bool]] = (),
) -> Page[T]:
    """The first `limit` rows of `query` after `cursor`, each as a `kind`.

    `order_by` has the columns `created_at` and `id`, by which rows are ordered; of the tables that
    `query` joins, it is the one of whose index that is a part. Where `either` is given, rows
    fulfil one of these conditions, each of which has an index with that order. Raises
    `CursorUnknown` for a cursor that no page gave.
    """
    every = query
    if cursor is not None:
        query = query.where(_older_than(order_by, *_decode(cursor)))
    if either:
        ids = _first_of_each(query, order_by, either, limit + 1)
        query = every.where(order_by.c.id.in_(ids))
    rows = session.execute(_newest(query, order_by, limit + 1)).all()
    more = len(rows) > limit
    kept = rows[:limit]
    following = _encode(kept[-1].created_at, kept[-1].id) if more and kept else None
    return Page([from_row(kind, row) for row in kept], following)


def _newest(query: Select[Any], table: Table, limit: int) -> Select[Any]:
    return query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit)


def _first_of_each(
    query: Select[Any], table: Table, either: Sequence[ColumnElement[bool]], limit: int
) -> CompoundSelect[Any]:
    """The ids of each condition's newest rows, of which the newest of all are some.

    An OR would have the database read and sort all rows of both.
    """
    ids = query.with_only_columns(table.c.id, maintain_column_froms=True)
    found = (_newest(ids.where(condition), table, limit).subquery() for condition in either)
    return union_all(*(select(part.c.id) for part in found))


def _older_than(table: Table, created_at: datetime, id: str) -> ColumnElement[bool]:
    # One comparison of rows is a range of the index; the same with OR and AND would be a search.
    moment = literal(created_at, table.c.created_at.type)
    return tuple_(table.c.created_at, table.c.id) < tuple_(moment, literal(id))


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
