"""Lists and turns are read by an index and not sorted, however long the table has grown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import Session

from app.domain.identity import now
from app.domain.jobs import JobState
from app.store import retention, transfers
from app.store.scheduling import next_to_start
from tests.support.records import queue_a_transfer

_FAILED = JobState.FAILED


def _turn(session: Session, _cursor: str | None) -> None:
    next_to_start(session, transfers.KIND, now())


def _old(session: Session, _cursor: str | None) -> None:
    retention.with_old_events(session, now())


@pytest.mark.parametrize(
    ("read", "index"),
    [
        (lambda s, c: transfers.page(s, 2, c), "ix_transfers_created_at_id"),
        (lambda s, c: transfers.page(s, 2, c, state=_FAILED), "ix_jobs_kind_state_created_at_id"),
        (
            lambda s, c: transfers.page(s, 2, c, model_id="mdl_1"),
            "ix_transfers_source_model_id_created_at_id",
        ),
        (_turn, "ix_jobs_turn"),
        (_old, "ix_jobs_finished_at"),
    ],
    ids=["all", "of a state", "of a model", "the next in turn", "what is old"],
)
@pytest.mark.parametrize("later", [False, True], ids=["first page", "later page"])
def test_transfers_are_found_by_an_index(
    database: Engine,
    read: Callable[[Session, str | None], Any],
    index: str,
    later: bool,
) -> None:
    with Session(database) as session:
        for _ in range(3):
            queue_a_transfer(session)
        cursor = transfers.page(session, 1).next_cursor if later else None
        plan = _plan_of(session, lambda: read(session, cursor))
    assert index in plan
    assert "MULTI-INDEX OR" not in plan


def _plan_of(session: Session, read: Callable[[], Any]) -> str:
    """How the database answers the last statement of `read`, were the table large."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Connection, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        sent.append((statement, given))

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    read()
    event.remove(connection, "before_cursor_execute", note)
    statement, given = sent[-1]
    explain = "EXPLAIN QUERY PLAN "
    if connection.dialect.name == "postgresql":
        # A table of three rows is read whole unless that is forbidden.
        for way in ("seqscan", "bitmapscan", "sort"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        explain = "EXPLAIN "
    rows = connection.exec_driver_sql(explain + statement, given).all()
    return "\n".join(str(row[-1]) for row in rows)
