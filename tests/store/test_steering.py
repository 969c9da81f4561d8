"""What people may ask of a transfer, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.transfers import (
    TransferInputsGone,
    TransferNotFound,
    TransferNotSteerable,
)
from app.domain.transfer_states import TransferState
from app.domain.transfers import Transfer
from app.store import attempts, datasets, events, leases, steering, transfers
from tests.support.records import queue_a_transfer

Sessions = sessionmaker[Session]
FAILURE = {"code": "broken", "message": "It broke.", "advice": "Mend it.", "fields": {}}


def test_a_paused_transfer_is_claimed_by_nobody_until_it_is_resumed(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        assert steering.pause(session, id).state is TransferState.PAUSED
        assert leases.claim(session, "host/1/a", 60, 3) is None
        assert steering.resume(session, id).state is TransferState.QUEUED
        assert leases.claim(session, "host/1/a", 60, 3) is not None


def test_a_running_transfer_is_asked_to_pause_and_loses_no_attempt(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        for attempt in range(1, 4):
            assert leases.claim(session, "host/1/a", 60, max_attempts=1) is not None
            assert steering.pause(session, id).pause_requested
            leases.paused(session, id, attempt)
            steering.resume(session, id)
        state = transfers.get(session, id)
    assert state is not None
    assert (state.state, state.pause_requested) == (TransferState.QUEUED, False)


def test_a_pause_is_withdrawn_by_resuming_before_it_was_obeyed(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        leases.claim(session, "host/1/a", 60, 3)
        steering.pause(session, id)
        assert steering.resume(session, id).state is TransferState.RUNNING
        assert leases.wish(session, id, 1) is None


def test_a_paused_transfer_is_cancelled_at_once(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        steering.pause(session, id)
        assert steering.cancel(session, id).state is TransferState.CANCELLED


def test_a_retried_transfer_keeps_its_history_and_has_all_attempts_again(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        leases.claim(session, "host/1/a", 60, max_attempts=1)
        leases.fail(session, id, 1, FAILURE)
        again = steering.retry(session, id)
        assert (again.state, again.failure, again.finished_at) == (TransferState.QUEUED, None, None)
        claimed = leases.claim(session, "host/1/a", 60, max_attempts=1)
        assert claimed is not None
        assert claimed.attempt == 2
        assert [(t.attempt, t.failure) for t in attempts.of_transfer(session, id)] == [
            (1, FAILURE),
            (2, None),
        ]
        kinds = [event.kind for event in events.after(session, id, 0)]
        assert kinds == ["queued", "running", "failed", "queued", "running"]
        leases.lose(session, id, 2, FAILURE, max_attempts=2)
        assert _state(session, id) is TransferState.QUEUED


def test_a_cancelled_transfer_can_be_tried_again(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        steering.cancel(session, id)
        again = steering.retry(session, id)
        assert not again.cancel_requested
        assert leases.claim(session, "host/1/a", 60, 3) is not None


def test_a_transfer_whose_data_were_deleted_is_not_tried_again(sessions: Sessions) -> None:
    with sessions() as session:
        transfer = queue_a_transfer(session)
        steering.cancel(session, transfer.id)
        for dataset in transfer.spec.datasets.values():
            datasets.delete(session, dataset)
        with pytest.raises(TransferInputsGone):
            steering.retry(session, transfer.id)
        assert _state(session, transfer.id) is TransferState.CANCELLED


@pytest.mark.parametrize(
    "ask",
    [
        steering.pause,
        steering.resume,
        steering.retry,
        lambda session, id: steering.set_priority(session, id, 1),
    ],
)
def test_a_succeeded_transfer_refuses_to_be_steered(
    sessions: Sessions, ask: Callable[[Session, str], Transfer]
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        leases.claim(session, "host/1/a", 60, 3)
        leases.succeed(session, id, 1, "mdl_made", {})
        with pytest.raises(TransferNotSteerable):
            ask(session, id)
        with pytest.raises(TransferNotFound):
            ask(session, "trf_nothing")


def _state(session: Session, id: str) -> TransferState | None:
    found = transfers.get(session, id)
    return found.state if found else None
