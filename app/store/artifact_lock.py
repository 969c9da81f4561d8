"""One lock for coming and going of artifacts, held until the transaction ends."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

_ADVISORY_LOCK = 7_305_042_867  # any number that no other program on the database takes


def hold_artifact_lock(session: Session) -> None:
    """Wait for, and hold, the lock under which bytes get their first row or lose their last.

    Without it the bytes of a record just deleted could be removed at the moment when another
    record with the very same bytes is committed.
    """
    # SQLite needs no such lock: its writing transactions exclude each other from their begin.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
    else:
        session.execute(text("SELECT 1"))
