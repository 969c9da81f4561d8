"""What the database says of the storm's transfers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from app.domain.transfer_states import TransferState
from app.store.digests import digests_in_use
from app.store.tables import models, transfer_attempts, transfer_events, transfers

Sessions = sessionmaker[Session]


@dataclass(frozen=True)
class History:
    """Reads the tables; `sessions` never write."""

    sessions: Sessions

    def states(self) -> dict[str, str]:
        """The state of every transfer."""
        return {id: str(state) for id, state in self._rows(transfers.c.id, transfers.c.state)}

    def held(self) -> list[str]:
        """Transfers with a lease or a process group, or under way."""
        query = select(transfers.c.id).where(
            transfers.c.lease_expires_at.is_not(None)
            | transfers.c.process_group.is_not(None)
            | (transfers.c.state == TransferState.RUNNING)
        )
        return list(self._all(query))

    def unfinished_attempts(self) -> list[str]:
        """Attempts of which nobody wrote how they ended."""
        query = select(transfer_attempts.c.transfer_id).where(
            transfer_attempts.c.ended_at.is_(None)
        )
        return list(self._all(query))

    def models_by_transfer(self) -> Counter[str]:
        """How many models say that a transfer made them."""
        query = select(models.c.transfer_id).where(models.c.transfer_id.is_not(None))
        return Counter(self._all(query))

    def attempts(self) -> dict[str, int]:
        """The number of attempts of every transfer."""
        return dict(self._rows(transfers.c.id, transfers.c.attempt))

    def outcomes(self) -> dict[str, int]:
        """How attempts ended, counted."""
        column = transfer_attempts.c.outcome
        with self.sessions() as session:
            counted = session.execute(select(column, func.count()).group_by(column)).all()
        return {str(outcome): count for outcome, count in counted}

    def resumes(self) -> list[str]:
        """The transfer of every event `resumed`, once for each event."""
        query = select(transfer_events.c.transfer_id).where(transfer_events.c.kind == "resumed")
        return list(self._all(query))

    def needed_digests(self) -> set[str]:
        """The artifacts that rows refer to."""
        with self.sessions() as session:
            return digests_in_use(session)

    def waits(self, chosen: set[str]) -> list[float]:
        """Seconds from each chosen transfer's creation to its first event `running`."""
        first = func.min(transfer_events.c.at)
        query = (
            select(transfers.c.id, transfers.c.created_at, first)
            .join(transfer_events, transfer_events.c.transfer_id == transfers.c.id)
            .where(transfer_events.c.kind == TransferState.RUNNING)
            .group_by(transfers.c.id, transfers.c.created_at)
        )
        with self.sessions() as session:
            rows = session.execute(query).all()
        return [(began - made).total_seconds() for id, made, began in rows if id in chosen]

    def _rows(self, *columns: Any) -> list[Any]:
        with self.sessions() as session:
            return list(session.execute(select(*columns)).all())

    def _all(self, query: Any) -> list[Any]:
        with self.sessions() as session:
            return list(session.scalars(query))
