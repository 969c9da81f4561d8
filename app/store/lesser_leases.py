"""Claims and leases of lesser jobs, whichever table they stand in.

What `leases.py` is for transfers, with less of it: no turns, no pauses, no history. Who cancels a
job, or deletes its row, takes it away from its holder, whose next write is then refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, case, exists, or_, select, update
from sqlalchemy.orm import Session

from app.domain.errors.transfers import AttemptsExhausted, LeaseLost
from app.domain.lesser_jobs import JobState, LesserJob
from app.domain.transfer_states import Wish
from app.store.clock import database_now


class LesserLeases:
    """The leases of one table.

    Its primary key is one column; the others that it needs are `state` (a JobState), `attempt`,
    `handed_back`, `worker`, `lease_expires_at`, `process_group`, `created_at`, `finished_at` and
    `failure`.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._c = table.c
        [self._key] = table.primary_key.columns

    def anything_waits(self, session: Session) -> bool:
        """Whether a claim might find something; reads only."""
        waits = exists().where(self._claimable(database_now(session)))
        return bool(session.scalar(select(waits)))

    def claim(
        self, session: Session, worker: str, lease_seconds: float, max_attempts: int
    ) -> LesserJob | None:
        """The oldest job that waits or whose lease ran out, now held by `worker`.

        One that lost its holder in `max_attempts` attempts fails instead. None when none waits.
        """
        moment = database_now(session)
        self._fail_exhausted(session, moment, max_attempts)
        query = select(self._key, self._c.attempt).where(self._claimable(moment))
        query = query.order_by(self._c.created_at, self._key).limit(1)
        row = session.execute(query.with_for_update(skip_locked=True)).one_or_none()
        if row is None:
            return None
        job = LesserJob(row[0], row.attempt + 1)
        session.execute(
            update(self._table)
            .where(self._key == job.id)
            .values(
                state=JobState.RUNNING,
                attempt=job.attempt,
                worker=worker,
                lease_expires_at=moment + timedelta(seconds=lease_seconds),
                process_group=None,
            )
        )
        return job

    def held(self, session: Session) -> list[LesserJob]:
        """Every running job, whoever holds it, its lease run out or not."""
        columns = (self._key, self._c.attempt, self._c.worker, self._c.process_group)
        query = select(*columns).where(self._c.state == JobState.RUNNING)
        return [LesserJob(*row) for row in session.execute(query)]

    def wish(self, session: Session, id: str, attempt: int) -> Wish | None:
        """None, since the holder only learns of a wish when the job is taken; writes nothing.

        Raises `LeaseLost`, as every function below, when another attempt holds the job, or it has
        ended or is gone.
        """
        query = select(self._key).where(*self._held_by(id, attempt))
        if session.execute(query).one_or_none() is None:
            raise LeaseLost(id, attempt)
        return None

    def renew(self, session: Session, id: str, attempt: int, lease_seconds: float) -> Wish | None:
        """Hold the job for `lease_seconds` from now."""
        until = database_now(session) + timedelta(seconds=lease_seconds)
        self.write(session, id, attempt, {"lease_expires_at": until})
        return None

    def record_process_group(self, session: Session, id: str, attempt: int, group: int) -> None:
        """Note the operating system's process group of the job's child."""
        self.write(session, id, attempt, {"process_group": group})

    def write(self, session: Session, id: str, attempt: int, values: Mapping[str, Any]) -> None:
        """Write columns of the job's own row."""
        statement = update(self._table).where(*self._held_by(id, attempt)).values(**values)
        if session.execute(statement.returning(self._key)).one_or_none() is None:
            raise LeaseLost(id, attempt)

    def end(
        self, session: Session, id: str, attempt: int, state: JobState, values: Mapping[str, Any]
    ) -> None:
        """Record that the job is over, and the columns that say with what result."""
        over = {"state": state, "lease_expires_at": None, "finished_at": database_now(session)}
        self.write(session, id, attempt, over | dict(values))

    def hand_back(self, session: Session, id: str, attempt: int) -> None:
        """Let the job wait again because its worker stops; no attempt is lost by it."""
        values = {"state": JobState.QUEUED, "handed_back": self._c.handed_back + 1}
        self.write(session, id, attempt, values | {"lease_expires_at": None})

    def lose(
        self, session: Session, id: str, attempt: int, failure: dict[str, Any], max_attempts: int
    ) -> None:
        """Record that the attempt ended by `failure`: the job waits again, or was tried enough."""
        lost = attempt - self._c.handed_back >= max_attempts
        values = {
            "state": case((lost, JobState.FAILED.value), else_=JobState.QUEUED.value),
            "lease_expires_at": None,
            "finished_at": case((lost, database_now(session)), else_=None),
            "failure": failure,
        }
        self.write(session, id, attempt, values)

    def _fail_exhausted(self, session: Session, moment: datetime, max_attempts: int) -> None:
        tried = self._c.attempt - self._c.handed_back >= max_attempts
        session.execute(
            update(self._table)
            .where(self._lost(moment), tried)
            .values(
                state=JobState.FAILED,
                lease_expires_at=None,
                finished_at=moment,
                failure=AttemptsExhausted(max_attempts).as_dict(),
            )
        )

    def _claimable(self, moment: datetime) -> ColumnElement[bool]:
        return or_(self._c.state == JobState.QUEUED, self._lost(moment))

    def _lost(self, moment: datetime) -> ColumnElement[bool]:
        return and_(self._c.state == JobState.RUNNING, self._c.lease_expires_at < moment)

    def _held_by(self, id: str, attempt: int) -> tuple[ColumnElement[bool], ...]:
        running = self._c.state == JobState.RUNNING
        return (self._key == id, self._c.attempt == attempt, running)
