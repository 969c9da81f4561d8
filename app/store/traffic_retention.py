"""Days of live traffic that are not kept any more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.orm import Session

from app.store.traffic_tables import traffic_counts, traffic_texts


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
