"""The database's clock, the only one by which leases are measured."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


def database_now(session: Session) -> datetime:
    """The present moment by the database's clock, in UTC; machines' own clocks may differ."""
    if session.get_bind().dialect.name == "postgresql":
        # now() would be the moment at which the transaction began.
        return session.execute(text("SELECT clock_timestamp()")).scalar_one().astimezone(UTC)
    moment = session.execute(text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")).scalar_one()
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)
