"""What becomes of a transfer whose attempts are lost, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.transfers import OutOfMemory, ProcessDied
from app.domain.jobs import AttemptOutcome, JobState, wait_before_retry
from app.domain.transfers import Transfer
from app.store import job_queue, transfers
from app.store.schema import jobs
from tests.support.records import claim_a_transfer, queue_a_transfer

Sessions = sessionmaker[Session]
DIED = ProcessDied(-9).as_dict()


def test_a_lost_attempt_is_tried_again_at_once_and_the_next_ones_after_a_growing_wait(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        for _ in range(3):
            claimed = _claim(session)
            job_queue.lose(session, id, claimed.attempt, DIED, 9)
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
            job_queue.lose(session, poison, _claim(session).attempt, DIED, 9)
        assert job_queue.claim(session, transfers.KIND, "host/1/a", 60, 9) is None
        assert not job_queue.anything_waits(session, transfers.KIND)
        waiting = queue_a_transfer(session).id
        assert job_queue.anything_waits(session, transfers.KIND)
        assert _claim(session).id == waiting


def test_a_transfer_that_lost_all_its_attempts_fails_with_its_last_error(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        for _ in range(2):
            job_queue.lose(session, id, _claim(session).attempt, DIED, 2)
        failed = _get(session, id)
        tried = job_queue.attempts_of(session, id)
    assert (failed.state, failed.failure) == (JobState.FAILED, DIED)
    assert [(t.attempt, t.outcome, t.failure) for t in tried] == [
        (1, AttemptOutcome.DIED, DIED),
        (2, AttemptOutcome.DIED, DIED),
    ]


def test_attempts_that_ran_out_of_memory_are_counted(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        job_queue.lose(session, id, _claim(session).attempt, OutOfMemory().as_dict(), 3)
        assert _claim(session).memory_failures == 1
        job_queue.lose(session, id, 2, DIED, 3)
        assert _get(session, id).memory_failures == 1


def test_an_attempt_lost_after_a_stop_request_ends_as_requested(sessions: Sessions) -> None:
    with sessions() as session:
        cancelled, paused = (queue_a_transfer(session).id for _ in range(2))
        for _ in range(2):
            _claim(session)
        transfers.cancel(session, cancelled)
        transfers.pause(session, paused)
        for id in (cancelled, paused):
            job_queue.lose(session, id, 1, DIED, 3)
        assert _get(session, cancelled).state is JobState.CANCELLED
        assert _get(session, paused).state is JobState.PAUSED
        assert not _get(session, paused).pause_requested


def test_every_attempt_leaves_a_line_that_says_how_it_ended(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        _claim(session)
        job_queue.hand_back(session, id, 1)
        job_queue.claim(session, transfers.KIND, "host/2/b", -1, 3)
        _claim(session)
        transfers.succeed(session, id, 3, "mdl_made", {})
        told = [
            (t.worker, t.outcome, t.ended_at is None) for t in job_queue.attempts_of(session, id)
        ]
    assert told == [
        ("host/1/a", AttemptOutcome.HANDED_BACK, False),
        ("host/2/b", AttemptOutcome.LOST, False),
        ("host/1/a", AttemptOutcome.SUCCEEDED, False),
    ]


def _claim(session: Session) -> Transfer:
    return claim_a_transfer(session, max_attempts=9)


def _get(session: Session, id: str) -> Transfer:
    found = transfers.get(session, id)
    assert found is not None
    return found


def _pass_the_wait(session: Session, id: str) -> None:
    session.execute(jobs.update().where(jobs.c.id == id).values(not_before=None))


def _queued(session: Session, id: str) -> list[Any]:
    return [event for event in job_queue.events_after(session, id, 0) if event.kind == "queued"]


def test_why_an_attempt_was_lost_is_no_failure_of_a_transfer_that_waits_again(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        job_queue.lose(session, id, _claim(session).attempt, DIED, 9)
        assert _get(session, id).failure is None
        waiting = transfers.page(session, 9, state=JobState.QUEUED).items
        assert [one.failure for one in waiting] == [None]
