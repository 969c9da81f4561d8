"""Migrations of a database that is in use: nothing in it is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import Connection, MetaData, Table, select

from app.domain.errors.service import MigrationsPending
from app.store import migrations
from app.store.database import open_database, session_factory
from tests.support.records import queue_a_transfer

_FIRST, _NEXT = "0012", "0013"
# Made anew is what SQLite does with a table that gets another type of column.
_MIGRATION = f"""
import sqlalchemy as sa
from alembic import op

revision = "{_NEXT}"
down_revision = "{_FIRST}"


def upgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        table.alter_column("process_group", type_=sa.BigInteger(), existing_type=sa.Integer())


def downgrade() -> None:
    with op.batch_alter_table("jobs") as table:
        table.alter_column("process_group", type_=sa.Integer(), existing_type=sa.BigInteger())
"""


@pytest.fixture
def another_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration after the first, as a later version has."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrations._FOLDER, folder, ignore=shutil.ignore_patterns("000[2-9]*"))
    (folder / "versions" / f"{_NEXT}_wider.py").write_text(_MIGRATION)
    monkeypatch.setattr(migrations, "_FOLDER", folder)


@pytest.mark.usefixtures("another_migration")
def test_a_table_made_anew_takes_nothing_along_that_belongs_to_it(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url, _FIRST)
    with session_factory(open_database(empty_database_url)).begin() as session:
        id = queue_a_transfer(session).id
    migrations.upgrade(empty_database_url, _NEXT)
    _expect_all(empty_database_url, id)
    migrations.downgrade(empty_database_url, _FIRST)
    _expect_all(empty_database_url, id)


def test_an_older_version_starts_on_a_database_that_a_newer_one_brought_further(
    database_url: str,
) -> None:
    _stand_at(database_url, "9999")
    migrations.require_migrated(database_url)
    assert not migrations.pending(database_url)
    migrations.upgrade(database_url)
    with open_database(database_url).connect() as connection:
        assert connection.execute(select(_tables(connection)["alembic_version"])).all() == [
            ("9999",)
        ]


@pytest.mark.usefixtures("another_migration")
def test_a_newer_version_does_not_start_on_a_database_that_stands_lower(
    database_url: str,
) -> None:
    _stand_at(database_url, _FIRST)
    with pytest.raises(MigrationsPending) as refused:
        migrations.require_migrated(database_url)
    assert refused.value.fields["found"] == _FIRST


def _stand_at(url: str, revision: str) -> None:
    with open_database(url).begin() as connection:
        version = _tables(connection)["alembic_version"]
        connection.execute(version.update().values(version_num=revision))


def _expect_all(url: str, id: str) -> None:
    with open_database(url).connect() as connection:
        tables = _tables(connection)
        for name in ("jobs", "transfers"):
            assert connection.execute(select(tables[name].c.id)).all() == [(id,)]
        assert connection.execute(select(tables["job_events"].c.kind)).all() == [("queued",)]


def _tables(connection: Connection) -> dict[str, Table]:
    found = MetaData()
    found.reflect(connection)
    return dict(found.tables)
