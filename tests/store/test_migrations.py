"""Migrations, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from app.domain.errors.service import DatabaseTooOld, MigrationsPending
from app.store import migrations
from app.store.database import open_database
from app.store.schema import metadata


def test_upgrading_makes_every_table(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url)
    assert _tables(empty_database_url) == set(metadata.tables) | {"alembic_version"}


def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    migrations.upgrade(empty_database_url)
    migrations.upgrade(empty_database_url)
    assert not migrations.pending(empty_database_url)


def test_downgrading_to_base_drops_every_table(database_url: str) -> None:
    migrations.downgrade(database_url, "base")
    assert _tables(database_url) == {"alembic_version"}


def test_a_database_goes_down_and_up_again(database_url: str) -> None:
    migrations.downgrade(database_url, "base")
    migrations.upgrade(database_url)
    assert not migrations.pending(database_url)


def test_autogenerate_finds_nothing(database_url: str) -> None:
    migrations.check(database_url)


def test_an_empty_database_is_refused_with_the_command_to_run(empty_database_url: str) -> None:
    assert migrations.pending(empty_database_url)
    with pytest.raises(MigrationsPending) as refused:
        migrations.require_migrated(empty_database_url)
    assert "babelport migrate" in refused.value.advice


def test_a_migrated_database_is_accepted(database_url: str) -> None:
    migrations.require_migrated(database_url)


def _tables(url: str) -> set[str]:
    engine = open_database(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


@pytest.mark.parametrize("revision", ["0001", "0011"])
def test_tables_of_a_development_version_are_refused_with_what_to_do(
    database_url: str, revision: str
) -> None:
    with open_database(database_url).begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))

    with pytest.raises(MigrationsPending):
        migrations.require_migrated(database_url)
    with pytest.raises(DatabaseTooOld) as refused:
        migrations.upgrade(database_url)
    assert "BABELPORT_DATA_DIR" in refused.value.advice
