"""Migrations of a database that is in use: nothing in it is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, MetaData, Table, select

from app.domain.errors.database import MigrationsPending
from app.domain.identity import now
from app.store import migrate
from app.store.database import open_database

_MOMENT = now()
_TRANSFER = {
    "id": "trf_1",
    "spec": {},
    "source_model_id": "mdl_1",
    "state": "succeeded",
    "created_at": _MOMENT,
    "attempt": 1,
    "handed_back": 0,
    "cancel_requested": False,
    "last_event": 1,
    "idempotency_key": "key-1",
    "request_digest": "digest",
}
_EVENT = {"transfer_id": "trf_1", "sequence": 1, "kind": "queued", "data": {}, "at": _MOMENT}


def test_a_table_made_anew_takes_nothing_along_that_belongs_to_it(empty_database_url: str) -> None:
    migrate.upgrade(empty_database_url, "0002")
    with open_database(empty_database_url).begin() as connection:
        tables = _tables(connection)
        connection.execute(tables["transfers"].insert(), _TRANSFER)
        connection.execute(tables["transfer_events"].insert(), _EVENT)
    migrate.upgrade(empty_database_url, "0003")
    _expect_both(empty_database_url)
    migrate.downgrade(empty_database_url, "0002")
    _expect_both(empty_database_url)


def test_an_older_version_starts_on_a_database_that_a_newer_one_brought_further(
    database_url: str,
) -> None:
    _stand_at(database_url, "9999")
    migrate.require_migrated(database_url)
    assert not migrate.pending(database_url)
    migrate.upgrade(database_url)
    with open_database(database_url).connect() as connection:
        assert connection.execute(select(_tables(connection)["alembic_version"])).all() == [
            ("9999",)
        ]


def test_a_newer_version_does_not_start_on_a_database_that_stands_lower(
    database_url: str,
) -> None:
    _stand_at(database_url, "0002")
    with pytest.raises(MigrationsPending) as refused:
        migrate.require_migrated(database_url)
    assert refused.value.fields["found"] == "0002"


def _stand_at(url: str, revision: str) -> None:
    with open_database(url).begin() as connection:
        version = _tables(connection)["alembic_version"]
        connection.execute(version.update().values(version_num=revision))


def _expect_both(url: str) -> None:
    with open_database(url).connect() as connection:
        tables = _tables(connection)
        assert connection.execute(select(tables["transfers"].c.id)).all() == [("trf_1",)]
        assert connection.execute(select(tables["transfer_events"].c.kind)).all() == [("queued",)]


def _tables(connection: Connection) -> dict[str, Table]:
    found = MetaData()
    found.reflect(connection)
    return dict(found.tables)
