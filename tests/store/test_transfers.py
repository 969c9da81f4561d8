"""Queueing, cancelling and the history of transfers, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.transfers import TransferInputsGone, TransferNotFound
from app.domain.jobs import JobState
from app.store import job_queue, models, transfers
from app.store.schema import tenants
from tests.support.records import a_dataset, a_model, a_transfer, queue_a_transfer

Sessions = sessionmaker[Session]


def test_a_transfer_of_what_does_not_exist_is_refused_by_name(sessions: Sessions) -> None:
    model, dataset = a_model(), a_dataset()
    with sessions() as session:
        models.insert(session, model)
        with pytest.raises(TransferInputsGone) as refused:
            transfers.insert(session, a_transfer(model, dataset))
    assert refused.value.fields == {"ids": [dataset.id]}


def test_cancelling_a_queued_transfer_ends_it_at_once(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        cancelled = transfers.cancel(session, id)
        assert cancelled.state is JobState.CANCELLED
        assert cancelled.finished_at is not None
        assert job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3) is None
        assert _kinds(session, id) == ["queued", "cancelled"]


def test_cancelling_a_running_transfer_asks_its_worker_once(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        for _ in range(2):
            asked = transfers.cancel(session, id)
            assert asked.state is JobState.RUNNING
            assert asked.cancel_requested
        job_queue.cancelled(session, id, 1)
        assert _kinds(session, id) == ["queued", "running", "cancel-requested", "cancelled"]


def test_cancelling_an_ended_transfer_changes_nothing(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        transfers.succeed(session, id, 1, "mdl_made", {})
        before = transfers.get(session, id)
        assert transfers.cancel(session, id) == before


def test_cancelling_what_is_not_there_says_so(sessions: Sessions) -> None:
    with sessions() as session, pytest.raises(TransferNotFound):
        transfers.cancel(session, "trf_nothing")


def test_a_transfer_cancelled_and_claimed_at_once_is_never_both(sessions: Sessions) -> None:
    with sessions() as session:
        # So many to look through that the cancel falls between a claim's look and its lock.
        session.execute(tenants.insert(), [{"name": f"tenant {n}"} for n in range(20_000)])
        session.commit()
    for _ in range(8):
        with sessions() as session:
            id = queue_a_transfer(session).id
            session.commit()
        together = threading.Barrier(2)

        def cancel(id: str = id, together: threading.Barrier = together) -> JobState:
            together.wait(30)
            with sessions() as session:
                state = transfers.cancel(session, id).state
                session.commit()
            return state

        def claim(together: threading.Barrier = together) -> bool:
            together.wait(30)
            with sessions() as session:
                claimed = job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
                session.commit()
            return claimed is not None

        with ThreadPoolExecutor(2) as pool:
            cancelled, claimed = pool.submit(cancel), pool.submit(claim)
        assert (cancelled.result() is JobState.RUNNING) == claimed.result()


def test_a_history_is_read_on_from_any_line(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        for epoch in range(3):
            job_queue.append_event(session, id, "epoch", {"epoch": epoch})
        assert [event.sequence for event in job_queue.events_after(session, id, 0)] == [1, 2, 3, 4]
        assert [event.data for event in job_queue.events_after(session, id, 2, limit=1)] == [
            {"epoch": 1}
        ]
        assert job_queue.events_after(session, id, 4) == []


def test_lines_added_at_the_same_time_get_numbers_without_gaps(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        session.commit()
    workers = 5
    together = threading.Barrier(workers)

    def add(worker: int) -> None:
        together.wait(30)
        for line in range(8):
            with sessions() as session:
                job_queue.append_event(session, id, "line", {"worker": worker, "line": line})
                session.commit()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(add, range(workers)))
    with sessions() as session:
        sequences = [event.sequence for event in job_queue.events_after(session, id, 0)]
    assert sequences == list(range(1, 42))


def test_a_line_of_a_transfer_that_is_not_there_is_refused(sessions: Sessions) -> None:
    with sessions() as session, pytest.raises(LookupError, match="trf_nothing"):
        job_queue.append_event(session, "trf_nothing", "epoch", {})


def _kinds(session: Session, id: str) -> list[str]:
    return [event.kind for event in job_queue.events_after(session, id, 0)]
