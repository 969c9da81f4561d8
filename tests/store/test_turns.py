"""Whose transfer starts next, on both databases."""

from __future__ import annotations

from sqlalchemy.orm import Session, sessionmaker

from app.store import leases, steering
from tests.support.records import queue_a_transfer

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
        steering.set_priority(session, second, 1)
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
        leases.succeed(session, done, 1, "mdl_made", {})
        quick = queue_a_transfer(session, tenant="quick").id
        assert _claim_all(session) == [quick, busy[1]]


def test_tenants_with_one_worker_take_turns(sessions: Sessions) -> None:
    with sessions() as session:
        a = [queue_a_transfer(session, tenant="a").id for _ in range(3)]
        b = [queue_a_transfer(session, tenant="b").id for _ in range(2)]
        served = []
        while claimed := _claim(session):
            served.append(claimed)
            leases.succeed(session, claimed, 1, "mdl_made", {})
        assert served == [a[0], b[0], a[1], b[1], a[2]]


def _claim(session: Session) -> str | None:
    claimed = leases.claim(session, "host/1/a", 60, 3)
    return claimed.id if claimed else None


def _claim_all(session: Session) -> list[str]:
    order = []
    while id := _claim(session):
        order.append(id)
    return order
