"""Fresh databases for tests: SQLite, and PostgreSQL where a server is at hand."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import Session, sessionmaker

from app.store.database import open_database, session_factory
from app.store.migrations import upgrade
from tests.support.postgres_server import postgres_server, server_binaries
from tests.support.shared_postgres import shared_postgres_url

_BOTH = ("sqlite", "postgresql")
_KIND = os.environ.get("BABELPORT_TEST_DATABASE", "sqlite")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """A PostgreSQL server: BABELPORT_TEST_POSTGRES_URL, the run's shared one, or one of our own."""
    if given := os.environ.get("BABELPORT_TEST_POSTGRES_URL") or shared_postgres_url(pytestconfig):
        yield given
        return
    binaries = server_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server installed and BABELPORT_TEST_POSTGRES_URL is not set")
    with postgres_server(binaries) as server:
        yield server.url


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> Iterator[str]:
    """The name of a migrated PostgreSQL database, to be cloned."""
    with _postgres_database(postgres_url) as url:
        upgrade(url)
        yield str(make_url(url).database)


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A fresh, migrated SQLite database."""
    file = tmp_path / "babelport.sqlite"
    shutil.copy(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=_BOTH)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh, migrated database; the test runs once on each kind."""
    with _migrated(request.param, request) as url:
        yield url


@pytest.fixture
def one_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh, migrated database, for tests that need no more than one kind.

    SQLite, or PostgreSQL in a run with BABELPORT_TEST_DATABASE=postgresql.
    """
    with _migrated(_KIND, request) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same, for all tests of a file."""
    with _migrated(_KIND, request) as url:
        yield url


@pytest.fixture(params=_BOTH)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table; the test runs once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    with _postgres_database(request.getfixturevalue("postgres_url")) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """The engine of `database_url`."""
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(database: Engine) -> sessionmaker[Session]:
    """Writing sessions on `database`."""
    return session_factory(database)


@contextmanager
def _migrated(kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    if kind == "postgresql":
        template = request.getfixturevalue("postgres_template")
        with _postgres_database(request.getfixturevalue("postgres_url"), template) as url:
            yield url
        return
    folder = request.getfixturevalue("tmp_path_factory").mktemp("database")
    file = shutil.copy(request.getfixturevalue("sqlite_template"), folder / "babelport.sqlite")
    yield f"sqlite:///{file}"


@contextmanager
def _postgres_database(server: str, template: str = "template0") -> Iterator[str]:
    name = f"babelport_{secrets.token_hex(6)}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        yield url.set(drivername="postgresql", database=name).render_as_string(False)
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    finally:
        admin.dispose()
