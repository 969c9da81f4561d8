"""Queries on batch predictions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, literal, select, update
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.errors.predictions import BatchPredictionNotFound, BatchPredictionNotOver
from app.domain.jobs import JobState, is_final
from app.domain.predictions import BatchPrediction
from app.store import job_queue, usage
from app.store.database import database_now, from_row
from app.store.pagination import Page, read_page
from app.store.schema import batch_predictions, jobs

KIND = "batch-prediction"


def insert(session: Session, batch: BatchPrediction) -> None:
    """Queue a batch prediction; its model and dataset cannot be deleted from here on.

    Raises `PredictionInputsGone` when one of them does not exist.
    """
    usage.lock_prediction_inputs(session, batch.model_id, batch.dataset_id)
    job_queue.enqueue(session, KIND, batch.id, batch.created_at)
    statement = insert_into(batch_predictions).values(
        id=batch.id,
        created_at=batch.created_at,
        model_id=batch.model_id,
        dataset_id=batch.dataset_id,
        name=batch.name,
        rows=batch.rows,
        window=batch.window,
    )
    session.execute(statement)


def get(session: Session, id: str) -> BatchPrediction | None:
    """The batch prediction with this id."""
    row = session.execute(_select().where(batch_predictions.c.id == id)).one_or_none()
    return None if row is None else from_row(BatchPrediction, row)


def page(
    session: Session,
    limit: int,
    cursor: str | None = None,
    state: JobState | None = None,
    model_id: str | None = None,
) -> Page[BatchPrediction]:
    """Batch predictions, newest first, of one state and one model where they are given."""
    query, order_by = _select(), batch_predictions
    if model_id is not None:
        query = query.where(batch_predictions.c.model_id == model_id)
    if state is not None:
        query = query.where(jobs.c.kind == KIND, jobs.c.state == state)
        order_by = jobs if model_id is None else batch_predictions
    return read_page(session, BatchPrediction, query, order_by, limit, cursor)


def record_rows_done(session: Session, id: str, attempt: int, rows_done: int) -> None:
    """Note how many rows are answered, and at first when the work began; raises `LeaseLost`."""
    job_queue.require_held(session, id, attempt)
    started_at = batch_predictions.c.started_at
    moment = literal(database_now(session), started_at.type)
    values = {"rows_done": rows_done, "started_at": func.coalesce(started_at, moment)}
    _write(session, id, values)


def succeed(session: Session, id: str, attempt: int, results_sha256: str, size_bytes: int) -> None:
    """Record the file of results, which holds all rows; raises `LeaseLost`."""
    job_queue.succeed(session, id, attempt, {})
    values = {"rows_done": batch_predictions.c.rows, "size_bytes": size_bytes}
    _write(session, id, values | {"results_sha256": results_sha256})


def cancel(session: Session, id: str) -> BatchPrediction:
    """Take the job from whoever does it; one that is over stays as it is.

    Its holder's next write is refused. Raises `BatchPredictionNotFound`.
    """
    if job_queue.request_cancel(session, KIND, id, at_once=True) is None:
        raise BatchPredictionNotFound(id)
    return from_row(
        BatchPrediction, session.execute(_select().where(batch_predictions.c.id == id)).one()
    )


def delete(session: Session, id: str) -> None:
    """Delete the record of a job that is over; raises `BatchPredictionNotOver`.

    The bytes are the caller's to remove, after the commit and only where nothing else has them.
    """
    state = job_queue.lock(session, KIND, id)
    if state is None:
        raise BatchPredictionNotFound(id)
    if not is_final(state):
        raise BatchPredictionNotOver(id, state)
    job_queue.delete(session, id)


def _write(session: Session, id: str, values: dict[str, Any]) -> None:
    statement = update(batch_predictions).where(batch_predictions.c.id == id)
    session.execute(statement.values(**values))


def _select() -> Select[Any]:
    """Batch predictions with the columns of their jobs."""
    columns = [column for column in jobs.c if column.name not in batch_predictions.c]
    query = select(batch_predictions, *columns)
    return query.join(jobs, jobs.c.id == batch_predictions.c.id)
