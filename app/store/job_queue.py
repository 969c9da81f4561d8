"""The queue of all kinds of jobs: claims, leases, actions, attempts and history.

`attempt` is a fencing token (Kleppmann, How to do distributed locking, 2016): a worker that
slept through the end of its lease finds the job at a later attempt and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, exists, or_, select, text, update
from sqlalchemy import delete as delete_from
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from app.domain.errors.transfers import AttemptsExhausted, LeaseLost, OutOfMemory
from app.domain.identity import now
from app.domain.jobs import (
    AttemptOutcome,
    Job,
    JobAttempt,
    JobEvent,
    JobState,
    Progress,
    StopRequest,
    can_transition,
    is_final,
    wait_before_retry,
)
from app.store.database import database_now, from_row, insert_or_update, to_row
from app.store.scheduling import next_to_start, record_start, register_tenant
from app.store.schema import job_attempts, job_events, jobs

_CLAIM_LOCK = 7_305_042_868  # any number that no other program on the database takes
_STOP_REQUESTS = (jobs.c.cancel_requested, jobs.c.pause_requested)
_NO_LEASE: dict[str, Any] = {"lease_expires_at": None, "process_group": None}


def enqueue(
    session: Session,
    kind: str,
    id: str,
    created_at: datetime,
    priority: int = 0,
    tenant: str = "",
    state: JobState = JobState.QUEUED,
) -> bool:
    """Add a job; False where there is one of this id already.

    A kind's own table gets its row in the same transaction. `state` is `succeeded` for a job of
    which there is nothing to do.
    """
    register_tenant(session, tenant)
    statement = insert_or_update(session, jobs).values(
        id=id,
        kind=kind,
        state=state,
        created_at=created_at,
        priority=priority,
        tenant=tenant,
        finished_at=created_at if is_final(state) else None,
    )
    statement = statement.on_conflict_do_nothing(index_elements=["id"])
    if session.execute(statement.returning(jobs.c.id)).one_or_none() is None:
        return False
    append_event(session, id, state, {})
    return True


def anything_waits(session: Session, kind: str) -> bool:
    """Whether a claim might find something; reads only, so that idle workers disturb nobody."""
    moment = database_now(session)
    ready = or_(jobs.c.not_before.is_(None), jobs.c.not_before <= moment)
    queued = and_(jobs.c.kind == kind, jobs.c.state == JobState.QUEUED, ready)
    found = or_(exists().where(queued), exists().where(*_is_expired(kind, moment)))
    return bool(session.scalar(select(found)))


def claim(
    session: Session,
    kind: str,
    worker: str,
    lease_seconds: float,
    max_attempts: int,
    takes_turns: bool = True,
) -> Job | None:
    """The next waiting job of a kind, now running for `worker` under a lease; None without one.

    First every job whose lease ran out by the database's clock is put back (or fails, when that
    was its last of `max_attempts`). Then the highest priority goes first, then the tenant with the
    fewest jobs running, then the one served longest ago (by starts that `takes_turns`), then the
    oldest. The job's `attempt` grows by one, which fences off every earlier attempt.
    """
    _lock_claims(session)
    moment = database_now(session)
    _release_expired(session, kind, moment, max_attempts)
    row = next_to_start(session, kind, moment)
    if row is None:
        return None
    if takes_turns:
        record_start(session, row.tenant, moment)
    return _start(session, row, worker, moment, lease_seconds)


def held(session: Session) -> list[Job]:
    """Every running job of every kind, whoever holds it, its lease run out or not."""
    query = select(jobs).where(jobs.c.state == JobState.RUNNING)
    return [from_row(Job, row) for row in session.execute(query)]


def last_attempt(session: Session, id: str) -> tuple[int, JobState] | None:
    """The number of a job's latest attempt, and the job's state; None where there is no job."""
    query = select(jobs.c.attempt, jobs.c.state).where(jobs.c.id == id)
    row = session.execute(query).one_or_none()
    return None if row is None else (row.attempt, row.state)


def stop_request(session: Session, id: str, attempt: int) -> StopRequest | None:
    """What somebody asked of the job meanwhile; writes nothing.

    Raises `LeaseLost`, as every function with an `attempt`, when another attempt holds the job,
    or the job has ended or is gone.
    """
    query = select(*_STOP_REQUESTS).where(*_held_by(id, attempt))
    return _stop_request_in(session.execute(query).one_or_none(), id, attempt)


def renew(session: Session, id: str, attempt: int, lease_seconds: float) -> StopRequest | None:
    """Hold the job for `lease_seconds` from now; what somebody asked of it."""
    until = database_now(session) + timedelta(seconds=lease_seconds)
    return _write(session, id, attempt, lease_expires_at=until)


def record_process_group(session: Session, id: str, attempt: int, group: int) -> None:
    """Note the operating system's process group of the job's child."""
    _write(session, id, attempt, process_group=group)


def record_progress(
    session: Session, id: str, attempt: int, progress: Progress
) -> StopRequest | None:
    """Note how far the job is; what somebody asked of it."""
    return _write(session, id, attempt, progress=progress)


def record_event(session: Session, id: str, attempt: int, kind: str, data: dict[str, Any]) -> None:
    """Add a line to the job's history, as `append_event` does, but for the holder alone."""
    require_held(session, id, attempt)
    append_event(session, id, kind, data)


def require_held(session: Session, id: str, attempt: int) -> None:
    """Keep the job held by this attempt until the commit, for writes to its kind's own table."""
    query = select(jobs.c.id).where(*_held_by(id, attempt)).with_for_update(key_share=True)
    if session.execute(query).one_or_none() is None:
        raise LeaseLost(id, attempt)


def succeed(
    session: Session, id: str, attempt: int, data: dict[str, Any], progress: Progress | None = None
) -> None:
    """Record that the job is done; `data` goes into its history."""
    values = {"progress": progress, "failure": None}
    _end_attempt(session, id, attempt, JobState.SUCCEEDED, data, **values)


def fail(session: Session, id: str, attempt: int, failure: dict[str, Any]) -> None:
    """Record why the job cannot be completed: an error's `as_dict()`."""
    _end_attempt(session, id, attempt, JobState.FAILED, failure, failure=failure)


def cancelled(session: Session, id: str, attempt: int) -> None:
    """Record that the job was stopped because somebody asked for it."""
    _end_attempt(session, id, attempt, JobState.CANCELLED, {})


def paused(session: Session, id: str, attempt: int) -> None:
    """Record that the job is paused because somebody asked for it; that costs no attempt."""
    values = _uncounted() | {"pause_requested": False}
    _end_attempt(session, id, attempt, JobState.PAUSED, {}, **values)


def hand_back(session: Session, id: str, attempt: int, reason: str = "worker-stopped") -> None:
    """Put the job back into the queue, for its worker stops, or `gave-way`; no attempt is lost."""
    _end_attempt(session, id, attempt, JobState.QUEUED, {"reason": reason}, **_uncounted())


def lose(
    session: Session, id: str, attempt: int, failure: dict[str, Any], max_attempts: int
) -> None:
    """Record that the attempt ended by `failure` and should be tried again, within bounds.

    Attempts that ended because memory ran out are counted: the next one divides its batches.
    """
    query = select(jobs).where(*_held_by(id, attempt)).with_for_update()
    row = session.execute(query).one_or_none()
    if row is None:
        raise LeaseLost(id, attempt)
    _complete_attempt(session, id, attempt, AttemptOutcome.DIED, failure)
    memory = failure["code"] == OutOfMemory.code
    values = {"memory_failures": row.memory_failures + 1} if memory else {}
    data = {"reason": failure["code"], "message": failure["message"]}
    _put_back(session, row, database_now(session), max_attempts, data, failure, **values)


def lock(session: Session, kind: str, id: str) -> JobState | None:
    """Keep the job as it is until the commit; its state, or None where there is no such job."""
    row = _locked(session, kind, id)
    return None if row is None else row.state


def request_cancel(session: Session, kind: str, id: str, at_once: bool = False) -> bool | None:
    """Cancel a waiting job; ask the holder of a running one to stop, or take it away `at_once`.

    A job that has ended stays as it is. None where there is no such job, as all of these.
    """
    row = _locked(session, kind, id)
    if row is None:
        return None
    running = row.state is JobState.RUNNING
    if is_final(row.state) or (running and row.cancel_requested and not at_once):
        return True
    if running and not at_once:
        return _request(session, id, "cancel-requested", cancel_requested=True)
    if running:
        _complete_attempt(session, id, row.attempt, AttemptOutcome.CANCELLED)
    values = _NO_LEASE | {"cancel_requested": True, "finished_at": database_now(session)}
    _change_state(session, row, JobState.CANCELLED, {}, values)
    return True


def request_pause(session: Session, kind: str, id: str) -> bool | None:
    """Pause a queued job at once; ask the holder of a running one to save it and stop.

    False for a job that has ended.
    """
    row = _locked(session, kind, id)
    if row is None:
        return None
    running = row.state is JobState.RUNNING
    if row.state is JobState.PAUSED or (running and row.pause_requested):
        return True
    if running:
        return _request(session, id, "pause-requested", pause_requested=True)
    if row.state is not JobState.QUEUED:
        return False
    _change_state(session, row, JobState.PAUSED, {}, {})
    return True


def resume(session: Session, kind: str, id: str) -> bool | None:
    """Queue a paused job again, and take back a pause that was asked for.

    False for a job that has ended.
    """
    row = _locked(session, kind, id)
    if row is None:
        return None
    if row.state is JobState.RUNNING and row.pause_requested:
        return _request(session, id, "pause-withdrawn", pause_requested=False)
    if row.state in (JobState.RUNNING, JobState.QUEUED):
        return True
    if row.state is not JobState.PAUSED:
        return False
    _change_state(session, row, JobState.QUEUED, {"reason": "resumed"}, {})
    return True


def retry(session: Session, kind: str, id: str) -> bool | None:
    """Queue a failed or cancelled job again, with its history and a new set of attempts.

    False for any other.
    """
    row = _locked(session, kind, id)
    if row is None:
        return None
    if row.state not in (JobState.FAILED, JobState.CANCELLED):
        return False
    register_tenant(session, row.tenant)
    values = {
        "uncounted_attempts": row.attempt,
        "not_before": None,
        "cancel_requested": False,
        "pause_requested": False,
        "finished_at": None,
        "failure": None,
        "progress": None,
    }
    _change_state(session, row, JobState.QUEUED, {"reason": "retried"}, values)
    return True


def set_priority(session: Session, kind: str, id: str, priority: int) -> bool | None:
    """Give a job another place among those that wait; False for one that has ended."""
    row = _locked(session, kind, id)
    if row is None:
        return None
    if is_final(row.state):
        return False
    return _request(session, id, "priority", {"priority": priority}, priority=priority)


def delete(session: Session, id: str) -> None:
    """Delete a job with its history and its kind's own row; whoever holds it has lost it."""
    session.execute(delete_from(jobs).where(jobs.c.id == id))


def attempts_of(session: Session, job_id: str) -> list[JobAttempt]:
    """All attempts of one job, the first one first."""
    query = select(job_attempts).where(job_attempts.c.job_id == job_id)
    query = query.order_by(job_attempts.c.attempt)
    return [from_row(JobAttempt, row) for row in session.execute(query)]


def append_event(session: Session, job_id: str, kind: str, data: dict[str, Any]) -> JobEvent:
    """Add a line; sequences count 1, 2, 3 without gaps, whoever writes at the same time.

    A reader that has seen a line has seen all before it: the number comes from the job's own row,
    which stays locked until the commit. Raises `LookupError` where there is no such job.
    """
    number = update(jobs).where(jobs.c.id == job_id).values(last_event=jobs.c.last_event + 1)
    sequence = session.execute(number.returning(jobs.c.last_event)).scalar_one_or_none()
    if sequence is None:
        raise LookupError(f"there is no job {job_id}")
    event = JobEvent(job_id, sequence, kind, data, now())
    session.execute(insert_into(job_events).values(**to_row(event)))
    return event


def events_after(session: Session, job_id: str, sequence: int, limit: int = 500) -> list[JobEvent]:
    """The first `limit` lines after `sequence`, oldest first; 0 for all from the beginning."""
    return events_after_each(session, {job_id: sequence}, limit)


def events_after_each(session: Session, sequences: Mapping[str, int], limit: int) -> list[JobEvent]:
    """The first `limit` lines after each job's own sequence, by job, oldest first."""
    table = job_events.c
    newer = [
        and_(table.job_id == id, table.sequence > sequence) for id, sequence in sequences.items()
    ]
    query = select(job_events).where(or_(*newer)).order_by(table.job_id, table.sequence)
    return [from_row(JobEvent, row) for row in session.execute(query.limit(limit))]


def _lock_claims(session: Session) -> None:
    """One claim after the other, so that each sees what the one before gave to whom.

    SQLite needs no lock for it: its writing transactions exclude each other from their begin.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT pg_advisory_xact_lock({_CLAIM_LOCK})"))


def _is_expired(kind: str, moment: datetime) -> tuple[ColumnElement[bool], ...]:
    running = jobs.c.state == JobState.RUNNING
    return (jobs.c.kind == kind, running, jobs.c.lease_expires_at < moment)


def _release_expired(session: Session, kind: str, moment: datetime, max_attempts: int) -> None:
    """Put back every running job whose lease ran out before `moment`."""
    query = select(jobs).where(*_is_expired(kind, moment))
    for row in session.execute(query.with_for_update(skip_locked=True)).all():
        _complete_attempt(session, row.id, row.attempt, AttemptOutcome.LOST)
        _put_back(session, row, moment, max_attempts, {"reason": "lease-expired"})


def _put_back(
    session: Session,
    row: Row[Any],
    moment: datetime,
    max_attempts: int,
    data: dict[str, Any],
    failure: dict[str, Any] | None = None,
    **values: Any,
) -> None:
    """Queue a running job again after a wait that grows with every attempt lost in a row.

    Requests come first: it is cancelled or paused where somebody asked for that. At
    `max_attempts` it fails, with the `failure` of its last attempt where that has one. `data`
    says in its history why it is queued; `values` are written along.
    """
    lost = row.attempt - row.uncounted_attempts
    values = {**_NO_LEASE, "progress": None, "pause_requested": False, **values}
    values |= {"failure": failure} if failure else {}
    if row.cancel_requested:
        values["finished_at"] = moment
        _change_state(session, row, JobState.CANCELLED, {}, values)
    elif row.pause_requested:
        _change_state(session, row, JobState.PAUSED, {}, values)
    elif lost >= max_attempts:
        failure = failure or AttemptsExhausted(lost).as_dict()
        values |= {"finished_at": moment, "failure": failure}
        _change_state(session, row, JobState.FAILED, failure, values)
    else:
        wait = wait_before_retry(lost)
        values["not_before"] = moment + timedelta(seconds=wait) if wait else None
        data = data | ({"wait_seconds": wait} if wait else {})
        _change_state(session, row, JobState.QUEUED, data, values)


def _start(
    session: Session, row: Row[Any], worker: str, moment: datetime, lease_seconds: float
) -> Job:
    attempt = row.attempt + 1
    values = {
        "attempt": attempt,
        "worker": worker,
        "lease_expires_at": moment + timedelta(seconds=lease_seconds),
        "started_at": moment,
        "not_before": None,
        "process_group": None,
        "progress": None,
    }
    _change_state(session, row, JobState.RUNNING, {"attempt": attempt, "worker": worker}, values)
    begun = JobAttempt(row.id, attempt, worker, moment)
    session.execute(insert_into(job_attempts).values(**to_row(begun)))
    return Job(row.id, row.kind, attempt, worker)


def _locked(session: Session, kind: str, id: str) -> Row[Any] | None:
    query = select(jobs).where(jobs.c.id == id, jobs.c.kind == kind)
    return session.execute(query.with_for_update(key_share=True)).one_or_none()


def _request(
    session: Session, id: str, event: str, data: dict[str, Any] | None = None, **values: Any
) -> bool:
    session.execute(update(jobs).where(jobs.c.id == id).values(**values))
    append_event(session, id, event, data or {})
    return True


def _change_state(
    session: Session,
    row: Row[Any],
    after: JobState,
    data: dict[str, Any],
    values: Mapping[str, Any],
) -> None:
    """Write the new state and `values`; the caller has the `row` locked."""
    assert can_transition(row.state, after), f"a job does not go from {row.state} to {after}"
    session.execute(update(jobs).where(jobs.c.id == row.id).values(state=after, **values))
    append_event(session, row.id, after, data)


_OUTCOMES = {
    JobState.SUCCEEDED: AttemptOutcome.SUCCEEDED,
    JobState.FAILED: AttemptOutcome.FAILED,
    JobState.CANCELLED: AttemptOutcome.CANCELLED,
    JobState.PAUSED: AttemptOutcome.PAUSED,
    JobState.QUEUED: AttemptOutcome.HANDED_BACK,
}


def _end_attempt(
    session: Session, id: str, attempt: int, after: JobState, data: dict[str, Any], **values: Any
) -> None:
    values |= _NO_LEASE | {"state": after}
    if is_final(after):
        values["finished_at"] = database_now(session)
    _write(session, id, attempt, **values)
    append_event(session, id, after, data)
    failure = data if after is JobState.FAILED else None
    _complete_attempt(session, id, attempt, _OUTCOMES[after], failure)


def _uncounted() -> dict[str, Any]:
    return {"uncounted_attempts": jobs.c.uncounted_attempts + 1, "progress": None}


def _complete_attempt(
    session: Session,
    job_id: str,
    attempt: int,
    outcome: AttemptOutcome,
    failure: dict[str, Any] | None = None,
) -> None:
    this = (job_attempts.c.job_id == job_id, job_attempts.c.attempt == attempt)
    values = {"ended_at": database_now(session), "outcome": outcome, "failure": failure}
    session.execute(update(job_attempts).where(*this).values(**values))


def _write(session: Session, id: str, attempt: int, **values: Any) -> StopRequest | None:
    statement = update(jobs).where(*_held_by(id, attempt)).values(**values)
    row = session.execute(statement.returning(*_STOP_REQUESTS)).one_or_none()
    return _stop_request_in(row, id, attempt)


def _held_by(id: str, attempt: int) -> tuple[ColumnElement[bool], ...]:
    return (jobs.c.id == id, jobs.c.attempt == attempt, jobs.c.state == JobState.RUNNING)


def _stop_request_in(row: Any, id: str, attempt: int) -> StopRequest | None:
    if row is None:
        raise LeaseLost(id, attempt)
    if row.cancel_requested:
        return StopRequest.CANCEL
    return StopRequest.PAUSE if row.pause_requested else None
