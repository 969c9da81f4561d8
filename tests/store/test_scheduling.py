"""Whose transfer starts next, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from app.domain.identity import now
from app.store import job_queue, models, scheduling, transfers
from app.store.schema import tenants
from app.worker.job_kinds import COMPILATIONS
from tests.support.records import queue_a_compilation, queue_a_transfer

Sessions = sessionmaker[Session]


def test_a_higher_priority_goes_first_and_equals_go_by_age(sessions: Sessions) -> None:
    with sessions() as session:
        low, high, older, newer = (
            queue_a_transfer(session, priority=priority).id for priority in (-1, 5, 0, 0)
        )
        assert _claim_all(session) == [high, older, newer, low]


def test_a_changed_priority_counts(sessions: Sessions) -> None:
    with sessions() as session:
        first, second = (queue_a_transfer(session).id for _ in range(2))
        transfers.set_priority(session, second, 1)
        assert _claim_all(session) == [second, first]


def test_a_tenant_with_many_transfers_holds_up_nobody_else(sessions: Sessions) -> None:
    with sessions() as session:
        many = [queue_a_transfer(session, tenant="many").id for _ in range(3)]
        few = queue_a_transfer(session, tenant="few").id
        assert _claim_all(session) == [many[0], few, *many[1:]]


def test_the_tenant_with_fewer_at_work_goes_first_though_it_was_served_later(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        busy = [queue_a_transfer(session, tenant="busy").id for _ in range(2)]
        done = queue_a_transfer(session, tenant="quick").id
        assert [_claim(session), _claim(session)] == [busy[0], done]
        transfers.succeed(session, done, 1, "mdl_made", {})
        quick = queue_a_transfer(session, tenant="quick").id
        assert _claim_all(session) == [quick, busy[1]]


def test_tenants_with_one_worker_take_turns(sessions: Sessions) -> None:
    with sessions() as session:
        a = [queue_a_transfer(session, tenant="a").id for _ in range(3)]
        b = [queue_a_transfer(session, tenant="b").id for _ in range(2)]
        served = []
        while claimed := _claim(session):
            served.append(claimed)
            transfers.succeed(session, claimed, 1, "mdl_made", {})
        assert served == [a[0], b[0], a[1], b[1], a[2]]


def test_a_job_that_takes_no_turns_puts_nobodys_transfers_back(sessions: Sessions) -> None:
    with sessions() as session:
        for tenant in ("", "a"):
            transfers.succeed(session, _queue_and_claim(session, tenant), 1, "mdl_made", {})
        queue_a_compilation(session)
        kind = models.COMPILATION
        assert job_queue.claim(session, kind, "host/1/a", 60, 2, COMPILATIONS.takes_turns)
        mine, _ = (queue_a_transfer(session, tenant=tenant).id for tenant in ("", "a"))
        assert _claim(session) == mine


def _queue_and_claim(session: Session, tenant: str) -> str:
    queue_a_transfer(session, tenant=tenant)
    claimed = _claim(session)
    assert claimed is not None
    return claimed


def _claim(session: Session) -> str | None:
    claimed = job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
    return claimed.id if claimed else None


def test_tenants_with_nothing_to_be_done_are_forgotten_and_come_back(sessions: Sessions) -> None:
    later = now() + timedelta(days=1)
    with sessions() as session:
        done = queue_a_transfer(session, tenant="done").id
        assert _claim(session) == done
        transfers.succeed(session, done, 1, "mdl_made", {})
        cancelled = queue_a_transfer(session, tenant="cancelled").id
        transfers.cancel(session, cancelled)
        transfers.pause(session, queue_a_transfer(session, tenant="paused").id)
        queue_a_transfer(session, tenant="waits")
        assert scheduling.idle_tenants(session, now() - timedelta(days=1)) == ["cancelled"]
        idle = scheduling.idle_tenants(session, later)
        assert sorted(idle) == ["cancelled", "done"]
        assert scheduling.forget_tenants(session, [*idle, "waits", "paused"], later) == 2
        assert sorted(session.scalars(select(tenants.c.name))) == ["", "paused", "waits"]
        transfers.retry(session, cancelled)
        again = queue_a_transfer(session, tenant="done").id
        assert {cancelled, again} <= set(_claim_all(session))


def test_a_tenant_whose_transfer_comes_at_that_moment_is_not_forgotten(
    sessions: Sessions,
) -> None:
    later = now() + timedelta(days=1)
    with sessions.begin() as session:
        transfers.cancel(session, queue_a_transfer(session, tenant="a").id)
    began, forgotten = threading.Event(), []

    def forget() -> None:
        with sessions.begin() as session:
            began.set()
            forgotten.append(scheduling.forget_tenants(session, ["a"], later))

    with sessions.begin() as session:
        id = queue_a_transfer(session, tenant="a").id
        forgetting = threading.Thread(target=forget)
        forgetting.start()
        assert began.wait(30)
    forgetting.join(30)
    with sessions.begin() as session:
        assert sorted(session.scalars(select(tenants.c.name))) == ["", "a"]
        assert _claim(session) == id
    assert forgotten == [0]


def _claim_all(session: Session) -> list[str]:
    order = []
    while id := _claim(session):
        order.append(id)
    return order
