"""The database: opening it, its clock, retries, upserts, and rows as dataclasses."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from pydantic_core import from_json
from sqlalchemy import URL, Connection, Engine, Row, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.service import BytesDropped, DatabaseDriverMissing

_BUSY_MILLISECONDS = 30_000
_KEPT_CONNECTIONS = 5  # the others are closed after use
_READS_ONLY = "babelport_reads_only"
T = TypeVar("T")
_log = logging.getLogger(__name__)
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
Insert = postgresql.Insert | sqlite.Insert
R = TypeVar("R")


def open_database(url: str, connections: int = 15, wait_seconds: float = 30.0) -> Engine:
    """The engine for `url`: `sqlite:///FILE` or `postgresql://...` (driven by psycopg 3).

    A SQLite file's folder is made when it is missing. Every SQLite transaction begins IMMEDIATE,
    so that one which reads and then writes never fails half-way; see `session_factory` for
    sessions that only read. JSON is read by pydantic's parser, four times as fast as Python's own,
    which is most of the time that a page of transfers takes. Where all `connections` are in use
    for `wait_seconds`, SQLAlchemy's TimeoutError is raised. Raises `DatabaseDriverMissing`.
    """
    parsed = make_url(url)
    kept = min(connections, _KEPT_CONNECTIONS)
    pool = {"pool_size": kept, "max_overflow": connections - kept, "pool_timeout": wait_seconds}
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(parsed, pool if parsed.database else {})
    return create_engine(
        _with_psycopg(parsed), pool_pre_ping=True, json_deserializer=_read_json, **pool
    )


def session_factory(engine: Engine, reads_only: bool = False) -> sessionmaker[Session]:
    """Makes sessions; with `reads_only` they refuse to write and hold no lock that writers need.

    The caller commits: functions of the store and the services never do. A writing session on
    SQLite excludes other writers from its first statement to its commit, so keep it short.
    """
    if reads_only:
        engine = engine.execution_options(**{_READS_ONLY: True}, **_driver_options(engine))
    return sessionmaker(engine, expire_on_commit=False)


def _read_json(written: str | bytes) -> Any:
    try:
        return from_json(written)
    except ValueError:
        # Python's takes half a surrogate pair, which its strings may hold, and wrote it.
        return json.loads(written)


def _driver_options(engine: Engine) -> dict[str, Any]:
    return {"postgresql_readonly": True} if engine.dialect.name == "postgresql" else {}


def _with_psycopg(url: URL) -> URL:
    if find_spec("psycopg") is None:
        raise DatabaseDriverMissing
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _open_sqlite(url: URL, pool: dict[str, Any]) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, json_deserializer=_read_json, **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Without this the driver begins transactions by rules of its own, and only before writes.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get(_READS_ONLY, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if reads_only else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def retry_on_disconnect(
    sessions: sessionmaker[Session], transaction: Callable[[Session], T], seconds: float
) -> T:
    """Run and commit `transaction`, again and again while the connection is lost.

    After `seconds` the error itself is raised: the driver's, or `BytesDropped`. A connection lost
    in the middle of a commit leaves open whether it was done: `transaction` must be one that a
    second run refuses, as every write under a lease does.
    """
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        try:
            with sessions.begin() as session:
                return transaction(session)
        except BytesDropped:
            if time.monotonic() > deadline:
                raise
            continue  # they are written anew at once
        except (DBAPIError, PoolTimeout) as error:
            if not is_transient(error) or time.monotonic() > deadline:
                raise
            _log.warning("the database does not answer: %s", type(error).__name__)
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, 2 * pause)


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed later, since the database had no ear for it now.

    False for what the database refuses: a value that it cannot hold, a row that is gone.
    """
    if isinstance(error, PoolTimeout):
        return True
    return isinstance(error, DBAPIError) and is_connection_lost(error)


def is_connection_lost(error: DBAPIError) -> bool:
    """Whether the database could not be reached, or went away; the same may work later."""
    if error.connection_invalidated:
        return True
    # What a server says that starts or stops, and SQLite's "database is locked".
    return isinstance(error, OperationalError | InterfaceError)


def database_now(session: Session) -> datetime:
    """The present moment by the database's clock, in UTC; machines' own clocks may differ."""
    if session.get_bind().dialect.name == "postgresql":
        # now() would be the moment at which the transaction began.
        return session.execute(text("SELECT clock_timestamp()")).scalar_one().astimezone(UTC)
    moment = session.execute(text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")).scalar_one()
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


def insert_or_update(session: Session, table: Table) -> Insert:
    """An INSERT of the session's own database; its `on_conflict_...` methods are the same."""
    dialect = session.get_bind().dialect.name
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def to_row(record: Any) -> dict[str, Any]:
    """A dataclass's fields as column values; `Json` columns take nested dataclasses as they are."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


def from_row(kind: type[R], row: Row[Any]) -> R:
    """The dataclass `kind` from a row; columns that it has no field for are left out."""
    record: R = _adapter(cast(Hashable, kind)).validate_python(dict(row._mapping))
    return record


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


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
