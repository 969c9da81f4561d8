"""Giving the room of deleted rows back to the disk."""

from __future__ import annotations

from app.store.database import open_database


def compact(url: str) -> None:
    """Write a SQLite file anew without its gaps, and bring its statistics up to date.

    Other writers wait meanwhile. PostgreSQL is left alone: its autovacuum does both all the time.
    """
    engine = open_database(url)
    try:
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                # VACUUM refuses to run within a transaction, so it goes to the driver itself.
                driver = connection.connection.cursor()
                driver.execute("VACUUM")
                driver.execute("PRAGMA optimize = 0x10002")
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                driver.close()
    finally:
        engine.dispose()
