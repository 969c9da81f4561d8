"""An older version at work on a database that a newer one has migrated: each reads the other."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table
from sqlalchemy.orm import Session, sessionmaker

from app.domain.evaluations import RecordedText, Trait, TraitCounts
from app.domain.identity import now
from app.domain.jobs import JobState
from app.store import (
    aliases,
    batch_predictions,
    datasets,
    evaluations,
    idempotency,
    job_queue,
    migrations,
    models,
    transfers,
)
from app.store.database import open_database, session_factory
from app.store.idempotency import StoredResponse
from tests.support.records import (
    a_model,
    an_evaluation,
    point_an_alias,
    queue_a_batch_prediction,
    queue_a_compilation,
    queue_a_transfer,
)

Sessions = sessionmaker[Session]
Rows = dict[str, list[dict[str, Any]]]


def _revisions() -> list[str]:
    """Of every version that somebody may have installed."""
    configuration = Config()
    configuration.set_main_option("script_location", "migrations")
    scripts = ScriptDirectory.from_config(configuration).walk_revisions("0012", "head")
    return [script.revision for script in scripts]


@pytest.mark.parametrize("revision", _revisions())
def test_rows_that_an_older_version_writes_are_rows_like_any_other(
    empty_database_url: str, revision: str
) -> None:
    migrations.upgrade(empty_database_url, revision)
    engine = open_database(empty_database_url)
    with engine.connect() as connection:
        known = MetaData()
        known.reflect(connection)
    migrations.upgrade(empty_database_url)
    sessions = session_factory(engine)
    ids = _write_with_todays_code(sessions)
    with engine.begin() as connection:
        _write_as_the_older_version(
            connection, known, _as_the_older_version_sees(connection, known)
        )
    _read_with_todays_code(sessions, ids)
    engine.dispose()


def _write_with_todays_code(sessions: Sessions) -> dict[str, str]:
    with sessions.begin() as session:
        running = queue_a_transfer(session)
        assert job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        transfer = queue_a_transfer(session)
        evaluation = an_evaluation(transfer)
        evaluations.insert(session, evaluation)
        idempotency.insert(
            session, StoredResponse("key", "POST", "/", "digest", 201, {}, "{}", now())
        )
        queue_a_compilation(session)
        batch = queue_a_batch_prediction(session).id
        alias = point_an_alias(session)
        counts: TraitCounts = {Trait.LABEL: Counter(yes=2)}
        evaluations.add_traffic(session, {(running.spec.model_id, "2026-01-01"): counts})
        text = RecordedText(running.spec.model_id, "2026-01-01", 1, "ja", "de", ("yes",), 0.9)
        evaluations.keep_texts(session, [text], 10)
    ids = {"running": running.id, "transfer": transfer.id, "evaluation": evaluation.id}
    return ids | {"batch": batch, "alias": alias.model_id}


def _as_the_older_version_sees(connection: Connection, known: MetaData) -> Rows:
    tables = _tables(known)
    return {
        table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
        for table in tables
    }


def _write_as_the_older_version(connection: Connection, known: MetaData, rows: Rows) -> None:
    """Take the rows out and put them in again by the columns that the older version knows."""
    for table in reversed(_tables(known)):
        connection.execute(table.delete())
    for table in _tables(known):
        connection.execute(table.insert(), rows[table.name])
        assert rows[table.name], f"nothing was written into {table.name}"


def _read_with_todays_code(sessions: Sessions, ids: dict[str, str]) -> None:
    with sessions.begin() as session:
        read = transfers.get(session, ids["transfer"])
        assert read is not None
        assert read.state is JobState.QUEUED
        transfers.succeed(session, ids["running"], 1, "mdl_made", {})
        listed = [transfer.id for transfer in transfers.page(session, 10).items]
        assert listed == [read.id, ids["running"]]
        assert models.get(session, read.spec.model_id) is not None
        assert models.next_version(session, a_model().name) == 6
        assert all(datasets.get(session, id) for id in read.spec.datasets.values())
        assert evaluations.get(session, ids["evaluation"]) is not None
        assert batch_predictions.get(session, ids["batch"]) is not None
        aliased = aliases.find_model(session, a_model().name, "champion")
        assert aliased is not None
        assert aliased.id == ids["alias"]
        assert idempotency.get(session, "key", "POST", "/") is not None
        claimed = job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        assert claimed is not None
        assert claimed.id == read.id
        transfers.succeed(session, claimed.id, claimed.attempt, "mdl_made", {})
        kinds = [event.kind for event in job_queue.events_after(session, claimed.id, 0)]
        assert kinds == ["queued", "running", "succeeded"]


def _tables(known: MetaData) -> list[Table]:
    return [table for table in known.sorted_tables if table.name != "alembic_version"]
