"""Opening the database: SQLite in WAL mode or PostgreSQL, both with the same promises."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic_core import from_json
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker

_BUSY_MILLISECONDS = 30_000
_KEPT_CONNECTIONS = 5  # the others are closed after use
_READS_ONLY = "babelport_reads_only"


def open_database(url: str, connections: int = 15, wait_seconds: float = 30.0) -> Engine:
    """The engine for `url`: `sqlite:///FILE` or `postgresql://...` (driven by psycopg 3).

    A SQLite file's folder is made when it is missing. Every SQLite transaction begins IMMEDIATE,
    so that one which reads and then writes never fails half-way; see `session_factory` for
    sessions that only read. JSON is read by pydantic's parser, four times as fast as Python's own,
    which is most of the time that a page of transfers takes. Where all `connections` are in use
    for `wait_seconds`, SQLAlchemy's TimeoutError is raised.
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
