"""What becomes of a transfer whose attempts are lost, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.running import OutOfMemory
from app.domain.errors.transfers import ProcessDied
from app.domain.retrying import wait_before_retry
from app.domain.transfer_states import AttemptOutcome, TransferState
from app.domain.transfers import Transfer
from app.store import attempts, events, leases, steering, transfers
from app.store.tables import transfers as table
from tests.support.records import queue_a_transfer

Sessions = sessionmaker[Session]
DIED = ProcessDied(-9).as_dict()


def test_a_lost_attempt_is_tried_again_at_once_and_the_next_ones_after_a_growing_wait(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        for _ in range(3):
            claimed = _claim(session)
            leases.lose(session, id, claimed.attempt, DIED, 9)
            _pass_the_wait(session, id)
        waits = [event.data.get("wait_seconds") for event in _queued(session, id)]
    assert waits == [None, None, wait_before_retry(2), wait_before_retry(3)]
    assert 0 < wait_before_retry(2) < wait_before_retry(3) < wait_before_retry(30)


def test_a_transfer_that_waits_for_its_next_attempt_lets_others_go_first(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        poison = queue_a_transfer(session).id
        for _ in range(2):
            leases.lose(session, poison, _claim(session).attempt, DIED, 9)
        assert leases.claim(session, "host/1/a", 60, 9) is None
        assert not leases.anything_waits(session)
        waiting = queue_a_transfer(session).id
        assert leases.anything_waits(session)
        assert _claim(session).id == waiting


def test_a_transfer_that_lost_all_its_attempts_fails_with_its_last_error(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        for _ in range(2):
            leases.lose(session, id, _claim(session).attempt, DIED, 2)
        failed = _get(session, id)
        tried = attempts.of_transfer(session, id)
    assert (failed.state, failed.failure) == (TransferState.FAILED, DIED)
    assert [(t.attempt, t.outcome, t.failure) for t in tried] == [
        (1, AttemptOutcome.DIED, DIED),
        (2, AttemptOutcome.DIED, DIED),
    ]


def test_out_of_memory_halves_the_batch_of_the_next_attempt(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        leases.lose(session, id, _claim(session).attempt, OutOfMemory().as_dict(), 3)
        assert _claim(session).batch_halvings == 1
        leases.lose(session, id, 2, DIED, 3)
        assert _get(session, id).batch_halvings == 1


def test_an_attempt_lost_after_a_wish_obeys_the_wish(sessions: Sessions) -> None:
    with sessions() as session:
        cancelled, paused = (queue_a_transfer(session).id for _ in range(2))
        for _ in range(2):
            _claim(session)
        steering.cancel(session, cancelled)
        steering.pause(session, paused)
        for id in (cancelled, paused):
            leases.lose(session, id, 1, DIED, 3)
        assert _get(session, cancelled).state is TransferState.CANCELLED
        assert _get(session, paused).state is TransferState.PAUSED
        assert not _get(session, paused).pause_requested


def test_every_attempt_leaves_a_line_that_says_how_it_ended(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        _claim(session)
        leases.hand_back(session, id, 1)
        leases.claim(session, "host/2/b", -1, 3)
        _claim(session)
        leases.succeed(session, id, 3, "mdl_made", {})
        told = [
            (t.worker, t.outcome, t.ended_at is None) for t in attempts.of_transfer(session, id)
        ]
    assert told == [
        ("host/1/a", AttemptOutcome.HANDED_BACK, False),
        ("host/2/b", AttemptOutcome.LOST, False),
        ("host/1/a", AttemptOutcome.SUCCEEDED, False),
    ]


def _claim(session: Session) -> Transfer:
    claimed = leases.claim(session, "host/1/a", 60, 9)
    assert claimed is not None
    return claimed


def _get(session: Session, id: str) -> Transfer:
    found = transfers.get(session, id)
    assert found is not None
    return found


def _pass_the_wait(session: Session, id: str) -> None:
    session.execute(table.update().where(table.c.id == id).values(not_before=None))


def _queued(session: Session, id: str) -> list[Any]:
    return [event for event in events.after(session, id, 0) if event.kind == "queued"]
