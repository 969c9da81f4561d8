"""What opening a database promises."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.service import DatabaseDriverMissing
from app.store import datasets
from app.store.database import database_now, open_database, session_factory
from app.store.schema import models
from tests.support.records import a_dataset

Sessions = sessionmaker[Session]


def test_sqlite_is_opened_in_wal_mode_with_foreign_keys_and_patience(sqlite_url: str) -> None:
    with open_database(sqlite_url).connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000}


def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/new/deep/file.sqlite").connect():
        assert (tmp_path / "new" / "deep" / "file.sqlite").exists()


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_postgresql_is_driven_by_psycopg_3(scheme: str) -> None:
    engine = open_database(f"{scheme}://user:secret@127.0.0.1/name")
    assert engine.url.drivername == "postgresql+psycopg"


def test_a_driver_that_is_not_installed_is_named_with_the_extra_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.store.database.find_spec", lambda name: None)

    with pytest.raises(DatabaseDriverMissing) as refused:
        open_database("postgresql://user:secret@127.0.0.1/name")

    assert "babelport-server[postgresql]" in refused.value.advice


def test_sessions_that_read_and_then_write_wait_for_each_other(sessions: Sessions) -> None:
    """On SQLite a deferred transaction would fail here, with no patience at all."""
    workers = 4
    together = threading.Barrier(workers)

    def read_then_write(_: int) -> None:
        together.wait(30)
        with sessions() as session:
            datasets.page(session, 10)
            datasets.insert(session, a_dataset())
            session.commit()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(read_then_write, range(workers)))
    with sessions() as session:
        assert len(datasets.page(session, 10).items) == workers


def test_a_reader_is_not_kept_waiting_by_an_open_writer(sessions: Sessions) -> None:
    with sessions() as writer:
        datasets.insert(writer, a_dataset())
        reading = session_factory(writer.get_bind().engine, reads_only=True)
        with reading() as reader:
            assert datasets.page(reader, 10).items == []


def test_what_is_not_committed_is_not_kept(sessions: Sessions) -> None:
    with sessions() as session:
        datasets.insert(session, a_dataset())
    with sessions() as session:
        assert datasets.page(session, 10).items == []


def test_the_clock_of_the_database_moves_within_a_transaction(sessions: Sessions) -> None:
    with sessions() as session:
        first = database_now(session)
        deadline = 100_000
        while (later := database_now(session)) == first and deadline:
            deadline -= 1
    assert first.tzinfo is not None
    assert later > first


def test_a_moment_without_a_time_zone_is_refused(sessions: Sessions) -> None:
    with sessions() as session, pytest.raises(StatementError):
        session.execute(select(models).where(models.c.created_at == datetime(2026, 1, 1)))
