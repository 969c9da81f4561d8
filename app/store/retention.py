"""What is older than it is kept: found without a lock, dropped a few rows at a time.

`before` is a moment: what ended before it is old. Each function that drops looks again, so that
a job tried again in the meantime loses nothing.
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

from app.domain.jobs import AttemptOutcome
from app.store.schema import (
    batch_predictions,
    evaluations,
    idempotency_keys,
    job_attempts,
    job_events,
    jobs,
    traffic_counts,
    traffic_texts,
)


def with_old_events(session: Session, before: datetime) -> list[str]:
    """Ids of jobs over before the moment that have more events than their last."""
    more = _sequence(func.min, jobs.c.id) < _sequence(func.max, jobs.c.id)
    return list(session.scalars(select(jobs.c.id).where(_is_over(before), more)))


def drop_events(session: Session, ids: list[str], before: datetime) -> int:
    """Drop all events of these jobs but the last, which says how each ended."""
    old = select(jobs.c.id).where(jobs.c.id.in_(ids), _is_over(before))
    of_job = job_events.c.job_id
    not_the_last = job_events.c.sequence < _sequence(func.max, of_job)
    return _drop(session, delete(job_events).where(of_job.in_(old), not_the_last))


def with_old_attempts(session: Session, before: datetime) -> list[str]:
    """Ids of jobs over before the moment that have attempts which did not succeed."""
    has = select(job_attempts).where(job_attempts.c.job_id == jobs.c.id, _not_succeeded())
    return list(session.scalars(select(jobs.c.id).where(_is_over(before), has.exists())))


def drop_attempts(session: Session, ids: list[str], before: datetime) -> int:
    """Drop the attempts of these jobs that did not succeed."""
    old = select(jobs.c.id).where(jobs.c.id.in_(ids), _is_over(before))
    theirs = job_attempts.c.job_id.in_(old)
    return _drop(session, delete(job_attempts).where(theirs, _not_succeeded()))


def with_old_predictions(session: Session, before: datetime) -> list[str]:
    """Ids of evaluations made before the moment that still have their per-row predictions."""
    has = evaluations.c.predictions_sha256.is_not(None)
    query = select(evaluations.c.id).where(evaluations.c.created_at < before, has)
    return list(session.scalars(query))


def drop_predictions(session: Session, ids: list[str], moment: datetime) -> list[str]:
    """Take these evaluations' predictions away at `moment`; the digests of their bytes."""
    chosen = evaluations.c.id.in_(ids)
    had = select(evaluations.c.predictions_sha256).where(chosen)
    digests = [digest for digest in session.scalars(had.with_for_update()) if digest]
    values = {"predictions_sha256": None, "predictions_dropped_at": moment}
    session.execute(update(evaluations).where(chosen).values(**values))
    return digests


def with_old_results(session: Session, before: datetime) -> list[str]:
    """Ids of batch predictions over before the moment that still have their results."""
    has = batch_predictions.c.results_sha256.is_not(None)
    query = select(jobs.c.id).join(batch_predictions, batch_predictions.c.id == jobs.c.id)
    return list(session.scalars(query.where(_is_over(before), has)))


def drop_results(session: Session, ids: list[str], moment: datetime) -> list[str]:
    """Take these batch predictions' results away at `moment`; the digests of their bytes."""
    chosen = batch_predictions.c.id.in_(ids)
    had = select(batch_predictions.c.results_sha256).where(chosen)
    digests = [digest for digest in session.scalars(had.with_for_update()) if digest]
    values = {"results_sha256": None, "size_bytes": None, "results_dropped_at": moment}
    session.execute(update(batch_predictions).where(chosen).values(**values))
    return digests


def old_keys(session: Session, before: datetime) -> list[Any]:
    """Key, method and path of every answer kept since before the moment."""
    query = select(*idempotency_keys.primary_key.columns)
    return list(session.execute(query.where(idempotency_keys.c.created_at < before)).all())


def drop_keys(session: Session, keys: list[Any], before: datetime) -> int:
    """Drop these kept answers."""
    chosen = tuple_(*idempotency_keys.primary_key.columns).in_([tuple(key) for key in keys])
    old = idempotency_keys.c.created_at < before
    return _drop(session, delete(idempotency_keys).where(chosen, old))


def old_days(session: Session, before: datetime) -> list[str]:
    """The days with counts or texts that ended before the moment."""
    last = before.date().isoformat()
    days = [
        select(table.c.day).where(table.c.day < last).distinct()
        for table in (traffic_counts, traffic_texts)
    ]
    return sorted({day for query in days for day in session.scalars(query)})


def drop_days(session: Session, days: list[str], _before: datetime) -> int:
    """Drop all traffic of these days."""
    dropped = 0
    for table in (traffic_counts, traffic_texts):
        result = session.execute(delete(table).where(table.c.day.in_(days)))
        assert isinstance(result, CursorResult)
        dropped += result.rowcount
    return dropped


def _is_over(before: datetime) -> ColumnElement[bool]:
    # Only a job that is over has such a moment: one tried again loses it.
    over: ColumnElement[bool] = jobs.c.finished_at < before
    return over


def _sequence(which: Any, job_id: Any) -> ScalarSelect[int]:
    """The first or the last of a job's events; its own row is not read."""
    found = job_events.alias("found")
    query = select(which(found.c.sequence)).where(found.c.job_id == job_id)
    return query.correlate(jobs, job_events).scalar_subquery()


def _not_succeeded() -> ColumnElement[bool]:
    return job_attempts.c.outcome != AttemptOutcome.SUCCEEDED


def _drop(session: Session, statement: Delete) -> int:
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount
