"""Claims, leases and fencing, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.transfers import LeaseLost
from app.domain.transfer_states import TransferState, Wish
from app.domain.transfers import Progress, Transfer
from app.store import events, leases, steering, transfers
from tests.support.records import queue_a_transfer
from tests.support.waiting import wait_for

Sessions = sessionmaker[Session]

_WRITES: dict[str, Callable[[Session, str, int], object]] = {
    "wish": lambda s, id, attempt: leases.wish(s, id, attempt),
    "renew": lambda s, id, attempt: leases.renew(s, id, attempt, 60),
    "record_process_group": lambda s, id, attempt: leases.record_process_group(s, id, attempt, 7),
    "record_progress": lambda s, id, attempt: leases.record_progress(
        s, id, attempt, Progress("late", 0.9)
    ),
    "record_event": lambda s, id, attempt: leases.record_event(s, id, attempt, "epoch", {}),
    "succeed": lambda s, id, attempt: leases.succeed(s, id, attempt, "mdl_late", {}),
    "fail": lambda s, id, attempt: leases.fail(s, id, attempt, {"code": "late"}),
    "cancelled": lambda s, id, attempt: leases.cancelled(s, id, attempt),
    "hand_back": lambda s, id, attempt: leases.hand_back(s, id, attempt),
    "paused": lambda s, id, attempt: leases.paused(s, id, attempt),
    "lose": lambda s, id, attempt: leases.lose(s, id, attempt, {"code": "late", "message": ""}, 3),
}
every_write = pytest.mark.parametrize("write", _WRITES.values(), ids=_WRITES.keys())


def test_the_oldest_queued_transfer_is_claimed_first(sessions: Sessions) -> None:
    with sessions() as session:
        older, newer = queue_a_transfer(session), queue_a_transfer(session)
        assert [_claim(session).id, _claim(session).id] == [older.id, newer.id]
        assert leases.claim(session, "w", 60, 3) is None


def test_a_claim_counts_the_attempt_and_sets_the_lease(sessions: Sessions) -> None:
    with sessions() as session:
        queue_a_transfer(session)
        claimed = _claim(session)
        assert (claimed.state, claimed.attempt, claimed.worker) == (
            TransferState.RUNNING,
            1,
            "host/1/a",
        )
        assert claimed.lease_expires_at is not None
        assert claimed.started_at is not None
        assert (claimed.lease_expires_at - claimed.started_at).total_seconds() == 60


def test_many_workers_at_once_claim_each_transfer_exactly_once(sessions: Sessions) -> None:
    with sessions() as session:
        queued = {queue_a_transfer(session).id for _ in range(24)}
        session.commit()
    workers = 6
    together = threading.Barrier(workers)

    def take_all(number: int) -> list[str]:
        together.wait(30)
        taken = []
        while claimed := _claim_and_commit(sessions, f"host/{number}/a"):
            taken.append(claimed.id)
        return taken

    with ThreadPoolExecutor(workers) as pool:
        taken = [id for ids in pool.map(take_all, range(workers)) for id in ids]
    assert len(taken) == 24
    assert set(taken) == queued


def test_many_workers_at_once_take_over_an_expired_lease_only_once(sessions: Sessions) -> None:
    with sessions() as session:
        queue_a_transfer(session)
        _claim(session, lease_seconds=-1)
        session.commit()
    workers = 6
    together = threading.Barrier(workers)

    def take(number: int) -> Transfer | None:
        together.wait(30)
        return _claim_and_commit(sessions, f"host/{number}/a")

    with ThreadPoolExecutor(workers) as pool:
        taken = [claimed for claimed in pool.map(take, range(workers)) if claimed]
    assert [claimed.attempt for claimed in taken] == [2]


def test_a_transfer_under_a_lease_is_not_claimed_again(sessions: Sessions) -> None:
    with sessions() as session:
        queue_a_transfer(session)
        _claim(session, lease_seconds=60)
        assert leases.claim(session, "host/2/b", 60, 3) is None


def test_a_lease_runs_out_by_itself(sessions: Sessions) -> None:
    with sessions() as session:
        queue_a_transfer(session)
        _claim(session, lease_seconds=0.05)
        session.commit()
    taken = wait_for(lambda: _claim_and_commit(sessions, "host/2/b"))
    assert taken is not None
    assert taken.attempt == 2


def test_an_expired_lease_is_taken_over_and_the_history_says_so(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        _claim(session, lease_seconds=-1)
        assert _claim(session).attempt == 2
        kinds = [(event.kind, event.data.get("reason")) for event in events.after(session, id, 0)]
    assert kinds == [
        ("queued", None),
        ("running", None),
        ("queued", "lease-expired"),
        ("running", None),
    ]


def test_a_renewed_lease_is_not_taken_over(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        _claim(session, lease_seconds=-1)
        assert leases.renew(session, id, 1, lease_seconds=60) is None
        assert leases.claim(session, "host/2/b", 60, 3) is None


@every_write
def test_an_older_attempt_is_refused_every_write(
    sessions: Sessions, write: Callable[[Session, str, int], object]
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        _claim(session, lease_seconds=-1)
        current = _claim(session)
        session.commit()
        before = events.after(session, id, 0)
        with pytest.raises(LeaseLost):
            write(session, id, 1)
        assert transfers.get(session, id) == current
        assert events.after(session, id, 0) == before


@every_write
def test_a_finished_transfer_is_refused_every_write(
    sessions: Sessions, write: Callable[[Session, str, int], object]
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        _claim(session)
        leases.fail(session, id, 1, {"code": "first"})
        with pytest.raises(LeaseLost):
            write(session, id, 1)


def test_a_transfer_that_lost_its_worker_too_often_fails(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        for _ in range(2):
            _claim(session, lease_seconds=-1)
        assert leases.claim(session, "host/1/a", 60, max_attempts=2) is None
        failed = transfers.get(session, id)
    assert failed is not None
    assert failed.state is TransferState.FAILED
    assert failed.failure is not None
    assert failed.failure["code"] == "attempts-exhausted"


def test_an_attempt_handed_back_does_not_count_against_the_limit(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        for attempt in range(1, 5):
            _claim(session)
            leases.hand_back(session, id, attempt)
        assert _claim(session).attempt == 5


def test_a_transfer_with_too_many_attempts_does_not_keep_the_next_from_its_turn(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        queue_a_transfer(session)
        _claim(session, lease_seconds=-1)
        waiting = queue_a_transfer(session)
        claimed = leases.claim(session, "host/1/a", 60, max_attempts=1)
    assert claimed is not None
    assert claimed.id == waiting.id


def test_a_lost_transfer_that_should_be_cancelled_is_cancelled_by_the_next_claim(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        _claim(session, lease_seconds=-1)
        steering.cancel(session, id)
        assert leases.claim(session, "host/2/b", 60, 3) is None
        cancelled = transfers.get(session, id)
    assert cancelled is not None
    assert cancelled.state is TransferState.CANCELLED


@pytest.mark.parametrize(
    ("ask", "wish"), [(steering.cancel, Wish.CANCEL), (steering.pause, Wish.PAUSE)]
)
def test_a_holder_hears_of_a_wish_from_its_renewal_and_its_progress(
    sessions: Sessions, ask: Callable[[Session, str], Transfer], wish: Wish
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        _claim(session)
        assert leases.record_progress(session, id, 1, Progress("training", 0.1)) is None
        assert leases.wish(session, id, 1) is None
        ask(session, id)
        assert leases.renew(session, id, 1, 60) is wish
        assert leases.record_progress(session, id, 1, Progress("training", 0.2)) is wish
        assert leases.wish(session, id, 1) is wish


def _claim(session: Session, lease_seconds: float = 60) -> Transfer:
    claimed = leases.claim(session, "host/1/a", lease_seconds, max_attempts=3)
    assert claimed is not None
    return claimed


def _claim_and_commit(sessions: Sessions, worker: str) -> Transfer | None:
    with sessions() as session:
        claimed = leases.claim(session, worker, 60, 3)
        session.commit()
    return claimed
