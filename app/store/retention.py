"""What is older than it is kept: found without a lock, dropped a few rows at a time.

`before` is a moment: what ended before it is old. Each function that drops looks again, so that
a transfer tried again in the meantime loses nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Delete,
    ScalarSelect,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from app.domain.transfer_states import AttemptOutcome
from app.store.lesser_tables import batch_predictions
from app.store.tables import (
    evaluations,
    idempotency_keys,
    transfer_attempts,
    transfer_events,
    transfers,
)


def with_old_events(session: Session, before: datetime) -> list[str]:
    """Ids of transfers over before the moment that have more events than their last."""
    more = _sequence(func.min, transfers.c.id) < _sequence(func.max, transfers.c.id)
    return list(session.scalars(select(transfers.c.id).where(_over(before), more)))


def drop_events(session: Session, ids: list[str], before: datetime) -> int:
    """Drop all events of these transfers but the last, which says how each ended."""
    old = select(transfers.c.id).where(transfers.c.id.in_(ids), _over(before))
    mine = transfer_events.c.transfer_id
    not_the_last = transfer_events.c.sequence < _sequence(func.max, mine)
    return _drop(session, delete(transfer_events).where(mine.in_(old), not_the_last))


def with_old_attempts(session: Session, before: datetime) -> list[str]:
    """Ids of transfers over before the moment that have attempts which did not succeed."""
    has = select(transfer_attempts).where(_of_transfer(transfer_attempts), _in_vain())
    return list(session.scalars(select(transfers.c.id).where(_over(before), has.exists())))


def drop_attempts(session: Session, ids: list[str], before: datetime) -> int:
    """Drop the attempts of these transfers that did not succeed."""
    old = select(transfers.c.id).where(transfers.c.id.in_(ids), _over(before))
    mine = transfer_attempts.c.transfer_id.in_(old)
    return _drop(session, delete(transfer_attempts).where(mine, _in_vain()))


def with_old_predictions(session: Session, before: datetime) -> list[str]:
    """Ids of evaluations made before the moment that still have their per-row predictions."""
    has = evaluations.c.predictions_sha256.is_not(None)
    query = select(evaluations.c.id).where(evaluations.c.created_at < before, has)
    return list(session.scalars(query))


def drop_predictions(session: Session, ids: list[str], moment: datetime) -> list[str]:
    """Take these evaluations' predictions away at `moment`; the digests of their bytes."""
    mine = evaluations.c.id.in_(ids)
    had = select(evaluations.c.predictions_sha256).where(mine)
    digests = [digest for digest in session.scalars(had.with_for_update()) if digest]
    values = {"predictions_sha256": None, "predictions_dropped_at": moment}
    session.execute(update(evaluations).where(mine).values(**values))
    return digests


def with_old_results(session: Session, before: datetime) -> list[str]:
    """Ids of batch predictions over before the moment that still have their results."""
    mine = batch_predictions.c
    has = mine.results_sha256.is_not(None)
    return list(session.scalars(select(mine.id).where(mine.finished_at < before, has)))


def drop_results(session: Session, ids: list[str], moment: datetime) -> list[str]:
    """Take these batch predictions' results away at `moment`; the digests of their bytes."""
    mine = batch_predictions.c.id.in_(ids)
    had = select(batch_predictions.c.results_sha256).where(mine)
    digests = [digest for digest in session.scalars(had.with_for_update()) if digest]
    values = {"results_sha256": None, "size_bytes": None, "results_dropped_at": moment}
    session.execute(update(batch_predictions).where(mine).values(**values))
    return digests


def old_keys(session: Session, before: datetime) -> list[Any]:
    """Key, method and path of every answer kept since before the moment."""
    query = select(*idempotency_keys.primary_key.columns)
    return list(session.execute(query.where(idempotency_keys.c.created_at < before)).all())


def drop_keys(session: Session, keys: list[Any], before: datetime) -> int:
    """Drop these kept answers."""
    mine = tuple_(*idempotency_keys.primary_key.columns).in_([tuple(key) for key in keys])
    old = idempotency_keys.c.created_at < before
    return _drop(session, delete(idempotency_keys).where(mine, old))


def _over(before: datetime) -> ColumnElement[bool]:
    # Only a transfer that is over has such a moment: one tried again loses it.
    over: ColumnElement[bool] = transfers.c.finished_at < before
    return over


def _sequence(which: Any, transfer_id: Any) -> ScalarSelect[int]:
    """The first or the last of a transfer's events; its own row, long as it is, is not read."""
    found = transfer_events.alias("found")
    query = select(which(found.c.sequence)).where(found.c.transfer_id == transfer_id)
    return query.correlate(transfers, transfer_events).scalar_subquery()


def _in_vain() -> ColumnElement[bool]:
    return transfer_attempts.c.outcome != AttemptOutcome.SUCCEEDED


def _of_transfer(table: Any) -> ColumnElement[bool]:
    same: ColumnElement[bool] = table.c.transfer_id == transfers.c.id
    return same


def _drop(session: Session, statement: Delete) -> int:
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount
