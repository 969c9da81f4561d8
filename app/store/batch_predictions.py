"""Queries on batch predictions, and their leases."""

from __future__ import annotations

from sqlalchemy import delete as delete_from
from sqlalchemy import func, literal, select, update
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.batch_predictions import BatchPrediction
from app.domain.errors.batch_predictions import BatchPredictionNotFound, BatchPredictionNotOver
from app.domain.lesser_jobs import JobState, is_over
from app.store import usage
from app.store.clock import database_now
from app.store.lesser_leases import LesserLeases
from app.store.lesser_tables import batch_predictions
from app.store.page import Page, read_page
from app.store.records import from_row, to_row

LEASES = LesserLeases(batch_predictions)


def insert(session: Session, batch: BatchPrediction) -> None:
    """Queue a batch prediction; its model and dataset cannot be deleted from here on.

    Raises `PredictionInputsGone` when one of them does not exist.
    """
    usage.keep_predicted(session, batch.model_id, batch.dataset_id)
    session.execute(insert_into(batch_predictions).values(**to_row(batch)))


def get(session: Session, id: str) -> BatchPrediction | None:
    """The batch prediction with this id."""
    query = select(batch_predictions).where(batch_predictions.c.id == id)
    row = session.execute(query).one_or_none()
    return None if row is None else from_row(BatchPrediction, row)


def page(
    session: Session,
    limit: int,
    cursor: str | None = None,
    state: JobState | None = None,
    model_id: str | None = None,
) -> Page[BatchPrediction]:
    """Batch predictions, newest first, of one state and one model where they are given."""
    query = select(batch_predictions)
    if state is not None:
        query = query.where(batch_predictions.c.state == state)
    if model_id is not None:
        query = query.where(batch_predictions.c.model_id == model_id)
    return read_page(session, BatchPrediction, query, batch_predictions, limit, cursor)


def begin(session: Session, id: str, attempt: int) -> None:
    """Note when the first attempt began to work; raises `LeaseLost`."""
    started_at = batch_predictions.c.started_at
    moment = literal(database_now(session), started_at.type)
    LEASES.write(session, id, attempt, {"started_at": func.coalesce(started_at, moment)})


def cancel(session: Session, id: str) -> BatchPrediction:
    """Take the job from whoever does it; one that is over stays as it is.

    Its holder's next write is refused. Raises `BatchPredictionNotFound`.
    """
    found = _locked(session, id)
    if is_over(found.state):
        return found
    values = {
        "state": JobState.CANCELLED,
        "lease_expires_at": None,
        "finished_at": database_now(session),
    }
    mine = batch_predictions.c.id == id
    session.execute(update(batch_predictions).where(mine).values(values))
    return _locked(session, id)


def delete(session: Session, id: str) -> None:
    """Delete the record of a job that is over; raises `BatchPredictionNotOver`.

    The bytes are the caller's to remove, after the commit and only where nothing else has them.
    """
    found = _locked(session, id)
    if not is_over(found.state):
        raise BatchPredictionNotOver(id, found.state)
    session.execute(delete_from(batch_predictions).where(batch_predictions.c.id == id))


def _locked(session: Session, id: str) -> BatchPrediction:
    query = select(batch_predictions).where(batch_predictions.c.id == id).with_for_update()
    row = session.execute(query).one_or_none()
    if row is None:
        raise BatchPredictionNotFound(id)
    return from_row(BatchPrediction, row)
