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


def test_the_tenant_with_fewer_at_work_is_served_before_the_one_that_waited_longer(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        [done] = [queue_a_transfer(session, tenant="quick").id]
        busy = [queue_a_transfer(session, tenant="busy").id for _ in range(2)]
        assert _claim(session) == done
        assert _claim(session) == busy[0]
        leases.succeed(session, done, 1, "mdl_made", {})
        # `quick` was served before `busy`, and has nothing at work any more.
        quick = queue_a_transfer(session, tenant="quick").id
        assert [_claim(session), _claim(session)] == [quick, busy[1]]


def test_tenants_with_one_worker_take_turns(sessions: Sessions) -> None:
    with sessions() as session:
        ids = {
            (tenant, n): queue_a_transfer(session, tenant=tenant).id
            for tenant in ("a", "b")
            for n in range(2)
        }
        served = []
        while claimed := _claim(session):
            served.append(claimed)
            leases.succeed(session, claimed, 1, "mdl_made", {})
        assert served == [ids["a", 0], ids["b", 0], ids["a", 1], ids["b", 1]]


def _claim(session: Session) -> str | None:
    claimed = leases.claim(session, "host/1/a", 60, 3)
    return claimed.id if claimed else None


def _claim_all(session: Session) -> list[str]:
    order = []
    while id := _claim(session):
        order.append(id)
    return order
