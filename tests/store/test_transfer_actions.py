"""What people may ask of a transfer, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.transfers import (
    TransferActionNotAllowed,
    TransferInputsGone,
    TransferNotFound,
)
from app.domain.jobs import JobState
from app.domain.transfers import Transfer
from app.store import datasets, job_queue, transfers
from tests.support.records import queue_a_transfer

Sessions = sessionmaker[Session]
FAILURE = {"code": "broken", "message": "It broke.", "advice": "Mend it.", "fields": {}}


def test_a_paused_transfer_is_claimed_by_nobody_until_it_is_resumed(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        assert transfers.pause(session, id).state is JobState.PAUSED
        assert job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3) is None
        assert transfers.resume(session, id).state is JobState.QUEUED
        assert job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3) is not None


def test_a_running_transfer_is_asked_to_pause_and_loses_no_attempt(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        for attempt in range(1, 4):
            assert (
                job_queue.claim(session, transfers.KIND, "host/1/a", 60, max_attempts=1) is not None
            )
            assert transfers.pause(session, id).pause_requested
            job_queue.paused(session, id, attempt)
            transfers.resume(session, id)
        state = transfers.get(session, id)
    assert state is not None
    assert (state.state, state.pause_requested) == (JobState.QUEUED, False)


def test_a_pause_is_withdrawn_by_resuming_before_it_was_obeyed(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        transfers.pause(session, id)
        assert transfers.resume(session, id).state is JobState.RUNNING
        assert job_queue.stop_request(session, id, 1) is None


def test_a_cancel_that_a_worker_did_not_see_as_it_stopped_can_be_repeated(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        transfers.cancel(session, id)
        job_queue.hand_back(session, id, 1)
        assert transfers.cancel(session, id).state is JobState.CANCELLED


def test_a_transfer_that_failed_before_it_paused_refuses_to_be_paused(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        transfers.pause(session, id)
        job_queue.fail(session, id, 1, FAILURE)
        with pytest.raises(TransferActionNotAllowed):
            transfers.pause(session, id)


def test_a_paused_transfer_is_cancelled_at_once(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        transfers.pause(session, id)
        assert transfers.cancel(session, id).state is JobState.CANCELLED


def test_a_retried_transfer_keeps_its_history_and_has_all_attempts_again(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        job_queue.claim(session, transfers.KIND, "host/1/a", 60, max_attempts=1)
        job_queue.fail(session, id, 1, FAILURE)
        again = transfers.retry(session, id)
        assert (again.state, again.failure, again.finished_at) == (JobState.QUEUED, None, None)
        claimed = job_queue.claim(session, transfers.KIND, "host/1/a", 60, max_attempts=1)
        assert claimed is not None
        assert claimed.attempt == 2
        assert [(t.attempt, t.failure) for t in job_queue.attempts_of(session, id)] == [
            (1, FAILURE),
            (2, None),
        ]
        kinds = [event.kind for event in job_queue.events_after(session, id, 0)]
        assert kinds == ["queued", "running", "failed", "queued", "running"]
        job_queue.lose(session, id, 2, FAILURE, max_attempts=2)
        assert _state(session, id) is JobState.QUEUED


def test_a_cancelled_transfer_can_be_tried_again(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        transfers.cancel(session, id)
        again = transfers.retry(session, id)
        assert not again.cancel_requested
        assert job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3) is not None


def test_a_transfer_whose_data_were_deleted_is_not_tried_again(sessions: Sessions) -> None:
    with sessions() as session:
        transfer = queue_a_transfer(session)
        transfers.cancel(session, transfer.id)
        for dataset in transfer.spec.datasets.values():
            datasets.delete(session, dataset)
        with pytest.raises(TransferInputsGone):
            transfers.retry(session, transfer.id)
        assert _state(session, transfer.id) is JobState.CANCELLED


@pytest.mark.parametrize(
    "ask",
    [
        transfers.pause,
        transfers.resume,
        transfers.retry,
        lambda session, id: transfers.set_priority(session, id, 1),
    ],
)
def test_a_succeeded_transfer_refuses_every_action(
    sessions: Sessions, ask: Callable[[Session, str], Transfer]
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        transfers.succeed(session, id, 1, "mdl_made", {})
        with pytest.raises(TransferActionNotAllowed):
            ask(session, id)
        with pytest.raises(TransferNotFound):
            ask(session, "trf_nothing")


def _state(session: Session, id: str) -> JobState | None:
    found = transfers.get(session, id)
    return found.state if found else None
