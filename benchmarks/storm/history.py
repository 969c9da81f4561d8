"""What the database says of the storm's transfers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.domain.jobs import JobState
from app.store.schema import job_attempts, job_events, jobs, models
from app.store.transfers import KIND
from app.store.usage import digests_in_use

Sessions = sessionmaker[Session]


@dataclass(frozen=True)
class History:
    """Reads the tables; `sessions` never write."""

    sessions: Sessions

    def states(self) -> dict[str, str]:
        """The state of every transfer."""
        return {id: str(state) for id, state in self._rows(jobs.c.id, jobs.c.state)}

    def held(self) -> list[str]:
        """Transfers with a lease or a process group, or under way."""
        query = select(jobs.c.id).where(
            jobs.c.kind == KIND,
            jobs.c.lease_expires_at.is_not(None)
            | jobs.c.process_group.is_not(None)
            | (jobs.c.state == JobState.RUNNING),
        )
        return list(self._all(query))

    def unfinished_attempts(self) -> list[str]:
        """Attempts of which nobody wrote how they ended."""
        query = select(job_attempts.c.job_id).join(jobs)
        query = query.where(jobs.c.kind == KIND, job_attempts.c.ended_at.is_(None))
        return list(self._all(query))

    def models_by_transfer(self) -> Counter[str]:
        """How many models say that a transfer made them."""
        query = select(models.c.transfer_id).where(models.c.transfer_id.is_not(None))
        return Counter(self._all(query))

    def attempts(self) -> dict[str, int]:
        """The number of attempts of every transfer."""
        return dict(self._rows(jobs.c.id, jobs.c.attempt))

    def outcomes(self) -> dict[str, int]:
        """How attempts ended, counted."""
        column = job_attempts.c.outcome
        with self.sessions() as session:
            query = select(column, func.count()).join(jobs, jobs.c.id == job_attempts.c.job_id)
            query = query.where(jobs.c.kind == KIND).group_by(column)
            counted = session.execute(query).all()
        return {str(outcome): count for outcome, count in counted}

    def resumes(self) -> list[str]:
        """The transfer of every event `resumed`, once for each event."""
        query = select(job_events.c.job_id).where(job_events.c.kind == "resumed")
        return list(self._all(query))

    def needed_digests(self) -> set[str]:
        """The artifacts that rows refer to."""
        with self.sessions() as session:
            return digests_in_use(session)

    def waits(self, chosen: set[str]) -> list[float]:
        """Seconds from each chosen transfer's creation to its first event `running`."""
        first = func.min(job_events.c.at)
        query = (
            select(jobs.c.id, jobs.c.created_at, first)
            .join(job_events, job_events.c.job_id == jobs.c.id)
            .where(jobs.c.kind == KIND, job_events.c.kind == JobState.RUNNING)
            .group_by(jobs.c.id, jobs.c.created_at)
        )
        with self.sessions() as session:
            rows = session.execute(query).all()
        return [(began - made).total_seconds() for id, made, began in rows if id in chosen]

    def _rows(self, *columns: Any) -> list[Any]:
        with self.sessions() as session:
            return list(session.execute(select(*columns).where(jobs.c.kind == KIND)).all())

    def _all(self, query: Any) -> list[Any]:
        with self.sessions() as session:
            return list(session.scalars(query))
