"""Queries on transfers, and the actions on one: cancel, pause, resume, retry, priority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Select, case, select, update
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.errors.transfers import TransferActionNotAllowed, TransferNotFound
from app.domain.jobs import JobState, Progress
from app.domain.transfers import Transfer, TransferStanding, auxiliary_model_id
from app.store import job_queue, usage
from app.store.database import from_row
from app.store.pagination import Page, read_page
from app.store.schema import jobs, transfer_datasets, transfers

KIND = "transfer"


def insert(session: Session, transfer: Transfer) -> None:
    """Queue a transfer; its model and datasets cannot be deleted from here on.

    Raises `TransferInputsGone` when the model or a dataset does not exist.
    """
    id, spec = transfer.id, transfer.spec
    usage.lock_transfer_inputs(session, spec)
    job_queue.enqueue(session, KIND, id, transfer.created_at, transfer.priority, transfer.tenant)
    statement = insert_into(transfers).values(
        id=id,
        created_at=transfer.created_at,
        spec=spec,
        source_model_id=spec.model_id,
        auxiliary_model_id=auxiliary_model_id(spec.auxiliary_model),
    )
    session.execute(statement)
    for role, dataset_id in spec.datasets.items():
        values = {"transfer_id": id, "role": role, "dataset_id": dataset_id}
        session.execute(insert_into(transfer_datasets).values(values))


def get(session: Session, id: str) -> Transfer | None:
    """The transfer with this id."""
    row = session.execute(_select().where(transfers.c.id == id)).one_or_none()
    return None if row is None else from_row(Transfer, row)


def standings(session: Session, ids: Sequence[str]) -> list[TransferStanding]:
    """How these transfers stand, in one statement; those that do not exist are left out."""
    columns = (jobs.c[one.name] for one in fields(TransferStanding))
    query = select(*columns).where(jobs.c.kind == KIND, jobs.c.id.in_(ids))
    return [from_row(TransferStanding, row) for row in session.execute(query)]


def page(
    session: Session,
    limit: int,
    cursor: str | None = None,
    state: JobState | None = None,
    model_id: str | None = None,
) -> Page[Transfer]:
    """Transfers, newest first; `model_id` finds those that start from the model or made it."""
    query, order_by = _select(), transfers
    if state is not None:
        query = query.where(jobs.c.kind == KIND, jobs.c.state == state)
        order_by = jobs if model_id is None else transfers
    of_model = (transfers.c.source_model_id == model_id, transfers.c.model_id == model_id)
    either = of_model if model_id is not None else ()
    return read_page(session, Transfer, query, order_by, limit, cursor, either)


def succeed(session: Session, id: str, attempt: int, model_id: str, result: dict[str, Any]) -> None:
    """Record the model that the transfer made, and its result; raises `LeaseLost`."""
    done = Progress("succeeded", 1.0, 0.0)
    job_queue.succeed(session, id, attempt, {"model_id": model_id}, done)
    values = {"model_id": model_id, "result": result}
    session.execute(update(transfers).where(transfers.c.id == id).values(**values))


def cancel(session: Session, id: str) -> Transfer:
    """Cancel a waiting transfer at once; ask the worker of a running one to stop it.

    A transfer that has ended stays as it is. Raises `TransferNotFound`, as all of these.
    """
    return _after(session, id, "cancel", job_queue.request_cancel(session, KIND, id))


def pause(session: Session, id: str) -> Transfer:
    """Pause a queued transfer at once; ask the worker of a running one to save it and stop.

    Raises `TransferActionNotAllowed` for one that has ended.
    """
    return _after(session, id, "pause", job_queue.request_pause(session, KIND, id))


def resume(session: Session, id: str) -> Transfer:
    """Queue a paused transfer again, and take back a pause that was asked for.

    Raises `TransferActionNotAllowed` for one that has ended.
    """
    return _after(session, id, "resume", job_queue.resume(session, KIND, id))


def retry(session: Session, id: str) -> Transfer:
    """Queue a failed or cancelled transfer again, with its history and a new set of attempts.

    Raises `TransferActionNotAllowed` for any other, and `TransferInputsGone` when its model or a
    dataset was deleted meanwhile.
    """
    if job_queue.lock(session, KIND, id) in (JobState.FAILED, JobState.CANCELLED):
        usage.lock_transfer_inputs(session, _read(session, id).spec)
    return _after(session, id, "retry", job_queue.retry(session, KIND, id))


def set_priority(session: Session, id: str, priority: int) -> Transfer:
    """Give a transfer another place among those that wait; one that has ended is refused."""
    done = job_queue.set_priority(session, KIND, id, priority)
    return _after(session, id, "set the priority of", done)


def _after(session: Session, id: str, action: str, done: bool | None) -> Transfer:
    """The transfer after an action that was `done`, refused, or found no such transfer."""
    if done is None:
        raise TransferNotFound(id)
    transfer = _read(session, id)
    if not done:
        raise TransferActionNotAllowed(id, transfer.state, action)
    return transfer


def _read(session: Session, id: str) -> Transfer:
    return from_row(Transfer, session.execute(_select().where(transfers.c.id == id)).one())


def _select() -> Select[Any]:
    """Transfers with the columns of their jobs; a failure is that of one that has failed."""
    failed = case((jobs.c.state == JobState.FAILED, jobs.c.failure)).label("failure")
    taken = {"failure", *transfers.c.keys()}
    columns = [column for column in jobs.c if column.name not in taken]
    return select(transfers, failed, *columns).join(jobs, jobs.c.id == transfers.c.id)
