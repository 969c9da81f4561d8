"""Workers that look for models to compile at the same time do not get in each other's way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session, sessionmaker

from app.store import models
from app.store.schema import compilations as table
from tests.support.records import a_model

Sessions = sessionmaker[Session]


def test_workers_that_enqueue_at_once_enqueue_each_model_once(
    sessions: Sessions, database: Engine
) -> None:
    with sessions.begin() as session:
        models.insert(session, a_model(id="mdl_1"))
    together = threading.Barrier(2)

    def enqueue() -> None:
        with sessions.begin() as session:
            models.enqueue_compilations(session)

    def meet(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        # On SQLite a transaction excludes the others from its begin.
        if statement.startswith("INSERT INTO jobs ") and database.dialect.name == "postgresql":
            together.wait(30)

    event.listen(database, "before_cursor_execute", meet)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(enqueue) for _ in range(2)]:
            done.result(60)
    with sessions() as session:
        assert session.scalars(select(table.c.model_id)).all() == ["mdl_1"]


def test_a_model_that_is_being_deleted_is_passed_over(sessions: Sessions, database: Engine) -> None:
    if database.dialect.name == "sqlite":
        return  # the two cannot be at work at once
    with sessions.begin() as session:
        models.insert(session, a_model(id="mdl_1"))
    with sessions.begin() as deleting:
        models.delete(deleting, "mdl_1")
        with sessions.begin() as session:
            models.enqueue_compilations(session)
    with sessions() as session:
        assert session.scalars(select(table.c.model_id)).all() == []
