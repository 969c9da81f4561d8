"""Claims, leases and fencing of every kind of job, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Row, select
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.transfers import LeaseLost
from app.domain.jobs import AttemptOutcome, Job, JobState, Progress, StopRequest
from app.domain.models import Serving
from app.domain.transfers import Transfer
from app.store import batch_predictions, job_queue, models, transfers
from app.store.schema import batch_predictions as batch_table
from app.store.schema import compilations, jobs
from app.store.schema import transfers as transfer_table
from tests.support.records import (
    claim_a_transfer,
    queue_a_batch_prediction,
    queue_a_compilation,
    queue_a_transfer,
)
from tests.support.waiting import wait_for

Sessions = sessionmaker[Session]
Write = Callable[[Session, str, int], object]
_QUEUE: dict[str, Callable[[Session], str]] = {
    transfers.KIND: lambda session: queue_a_transfer(session).id,
    batch_predictions.KIND: lambda session: queue_a_batch_prediction(session).id,
    models.COMPILATION: queue_a_compilation,
}
_FAILURE = {"code": "process-died", "message": "It died."}
_SERVING = Serving("late", "float32", "A test.")
_WRITES: dict[str, Write] = {
    "stop_request": job_queue.stop_request,
    "renew": lambda s, id, attempt: job_queue.renew(s, id, attempt, 60),
    "record_process_group": lambda s, id, attempt: job_queue.record_process_group(
        s, id, attempt, 7
    ),
    "record_progress": lambda s, id, attempt: job_queue.record_progress(
        s, id, attempt, Progress("late", 0.9)
    ),
    "record_event": lambda s, id, attempt: job_queue.record_event(s, id, attempt, "epoch", {}),
    "require_held": job_queue.require_held,
    "succeed": lambda s, id, attempt: job_queue.succeed(s, id, attempt, {}),
    "fail": lambda s, id, attempt: job_queue.fail(s, id, attempt, {"code": "late"}),
    "cancelled": job_queue.cancelled,
    "hand_back": job_queue.hand_back,
    "paused": job_queue.paused,
    "lose": lambda s, id, attempt: job_queue.lose(
        s, id, attempt, {"code": "late", "message": ""}, 3
    ),
}
_WRITES_OF_A_KIND: dict[str, tuple[str, Write]] = {
    "transfers.succeed": (
        transfers.KIND,
        lambda s, id, attempt: transfers.succeed(s, id, attempt, "mdl_late", {}),
    ),
    "batch_predictions.record_rows_done": (
        batch_predictions.KIND,
        lambda s, id, attempt: batch_predictions.record_rows_done(s, id, attempt, 3),
    ),
    "batch_predictions.succeed": (
        batch_predictions.KIND,
        lambda s, id, attempt: batch_predictions.succeed(s, id, attempt, "f" * 64, 9),
    ),
    "models.finish_compilation": (
        models.COMPILATION,
        lambda s, id, attempt: models.finish_compilation(s, id, attempt, _SERVING),
    ),
}
every_kind = pytest.mark.parametrize("kind", _QUEUE)
every_write = pytest.mark.parametrize(
    ("kind", "write"),
    [
        *(
            pytest.param(kind, write, id=f"{name}-{kind}")
            for kind in _QUEUE
            for name, write in _WRITES.items()
        ),
        *(pytest.param(*one, id=name) for name, one in _WRITES_OF_A_KIND.items()),
    ],
)


@every_kind
def test_the_oldest_queued_job_is_claimed_first_and_each_once(
    sessions: Sessions, kind: str
) -> None:
    with sessions() as session:
        older, newer = _QUEUE[kind](session), _QUEUE[kind](session)
        assert job_queue.anything_waits(session, kind)
        assert [_claim(session, kind), _claim(session, kind)] == [
            Job(older, kind, 1, "host/1/a"),
            Job(newer, kind, 1, "host/1/a"),
        ]
        assert not job_queue.anything_waits(session, kind)
        assert job_queue.claim(session, kind, "w", 60, 3) is None


def test_a_job_is_claimed_as_its_own_kind_alone(sessions: Sessions) -> None:
    with sessions() as session:
        ids = {kind: queue(session) for kind, queue in _QUEUE.items()}
        for kind in reversed(ids):
            assert _claim(session, kind).id == ids[kind]
            assert not job_queue.anything_waits(session, kind)
            assert job_queue.claim(session, kind, "w", 60, 3) is None


def test_a_claim_counts_the_attempt_and_sets_the_lease(sessions: Sessions) -> None:
    with sessions() as session:
        queue_a_transfer(session)
        claimed = claim_a_transfer(session, lease_seconds=60)
        assert (claimed.state, claimed.attempt, claimed.worker) == (
            JobState.RUNNING,
            1,
            "host/1/a",
        )
        assert claimed.lease_expires_at is not None
        assert claimed.started_at is not None
        assert (claimed.lease_expires_at - claimed.started_at).total_seconds() == 60


@every_kind
def test_many_workers_at_once_claim_each_job_exactly_once(sessions: Sessions, kind: str) -> None:
    with sessions() as session:
        queued = {_QUEUE[kind](session) for _ in range(24)}
        session.commit()
    workers = 6
    together = threading.Barrier(workers)

    def take_all(number: int) -> list[str]:
        together.wait(30)
        taken = []
        while claimed := _claim_and_commit(sessions, kind, f"host/{number}/a"):
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

    def take(number: int) -> Job | None:
        together.wait(30)
        return _claim_and_commit(sessions, transfers.KIND, f"host/{number}/a")

    with ThreadPoolExecutor(workers) as pool:
        taken = [claimed for claimed in pool.map(take, range(workers)) if claimed]
    assert [claimed.attempt for claimed in taken] == [2]


def test_a_job_under_a_lease_is_not_claimed_again(sessions: Sessions) -> None:
    with sessions() as session:
        queue_a_transfer(session)
        _claim(session, lease_seconds=60)
        assert job_queue.claim(session, transfers.KIND, "host/2/b", 60, 3) is None


def test_a_lease_runs_out_by_itself(sessions: Sessions) -> None:
    with sessions() as session:
        queue_a_transfer(session)
        _claim(session, lease_seconds=0.05)
        session.commit()
    taken = wait_for(lambda: _claim_and_commit(sessions, transfers.KIND, "host/2/b"))
    assert taken is not None
    assert taken.attempt == 2


@every_kind
def test_an_expired_lease_is_taken_over_and_the_history_says_so(
    sessions: Sessions, kind: str
) -> None:
    with sessions() as session:
        id = _QUEUE[kind](session)
        _claim(session, kind, lease_seconds=-1)
        assert job_queue.anything_waits(session, kind)
        assert _claim(session, kind) == Job(id, kind, 2, "host/1/a")
        kinds = [
            (event.kind, event.data.get("reason"))
            for event in job_queue.events_after(session, id, 0)
        ]
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
        assert job_queue.renew(session, id, 1, lease_seconds=60) is None
        assert job_queue.claim(session, transfers.KIND, "host/2/b", 60, 3) is None


def test_what_is_held_is_found_with_its_worker_and_process_group(sessions: Sessions) -> None:
    with sessions() as session:
        ids = {kind: queue(session) for kind, queue in _QUEUE.items()}
        assert job_queue.held(session) == []
        for kind, id in ids.items():
            _claim(session, kind, lease_seconds=-1)
            job_queue.record_process_group(session, id, 1, 7)
        assert sorted(job_queue.held(session), key=lambda job: job.id) == sorted(
            (Job(id, kind, 1, "host/1/a", 7) for kind, id in ids.items()), key=lambda job: job.id
        )
        again = _claim(session, models.COMPILATION)
        assert again == Job(ids[models.COMPILATION], models.COMPILATION, 2, "host/1/a", None)
        assert again in job_queue.held(session)


@every_write
def test_every_write_by_an_attempt_that_does_not_hold_the_job_is_refused(
    sessions: Sessions, kind: str, write: Write
) -> None:
    with sessions() as session:
        id = _QUEUE[kind](session)
        _claim(session, kind, lease_seconds=-1)
        current = _claim(session, kind)
        session.commit()
        before = _rows(session, kind, id), job_queue.events_after(session, id, 0)
        with pytest.raises(LeaseLost):
            write(session, id, current.attempt - 1)
        assert (_rows(session, kind, id), job_queue.events_after(session, id, 0)) == before


@every_write
def test_a_finished_job_is_refused_every_write(sessions: Sessions, kind: str, write: Write) -> None:
    with sessions() as session:
        id = _QUEUE[kind](session)
        _claim(session, kind)
        job_queue.fail(session, id, 1, {"code": "first"})
        before = _rows(session, kind, id)
        with pytest.raises(LeaseLost):
            write(session, id, 1)
        assert _rows(session, kind, id) == before


@every_kind
def test_a_deleted_job_is_a_lost_lease(sessions: Sessions, kind: str) -> None:
    with sessions() as session:
        id = _QUEUE[kind](session)
        _claim(session, kind)
        job_queue.delete(session, id)
        with pytest.raises(LeaseLost):
            job_queue.stop_request(session, id, 1)
        assert job_queue.attempts_of(session, id) == []
        assert job_queue.events_after(session, id, 0) == []


@every_kind
def test_a_job_that_lost_its_worker_too_often_fails(sessions: Sessions, kind: str) -> None:
    with sessions() as session:
        id = _QUEUE[kind](session)
        for _ in range(2):
            _claim(session, kind, lease_seconds=-1)
        assert job_queue.claim(session, kind, "host/1/a", 60, max_attempts=2) is None
        failed = _job(session, id)
    assert failed.state is JobState.FAILED
    assert failed.failure["code"] == "attempts-exhausted"
    assert failed.finished_at is not None


@every_kind
def test_a_job_whose_child_died_waits_again_until_it_was_tried_enough(
    sessions: Sessions, kind: str
) -> None:
    with sessions() as session:
        id = _QUEUE[kind](session)
        for state in (JobState.QUEUED, JobState.FAILED):
            attempt = _claim(session, kind).attempt
            job_queue.lose(session, id, attempt, _FAILURE, 2)
            assert (_job(session, id).state, _job(session, id).failure) == (state, _FAILURE)
        assert _job(session, id).finished_at is not None


@every_kind
def test_an_attempt_handed_back_does_not_count_against_the_limit(
    sessions: Sessions, kind: str
) -> None:
    with sessions() as session:
        id = _QUEUE[kind](session)
        for attempt in range(1, 5):
            assert _claim(session, kind).attempt == attempt
            job_queue.hand_back(session, id, attempt)
        assert _claim(session, kind).attempt == 5
        job_queue.lose(session, id, 5, _FAILURE, 2)
        assert _job(session, id).state is JobState.QUEUED


def test_a_job_with_too_many_attempts_does_not_keep_the_next_from_its_turn(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        queue_a_transfer(session)
        _claim(session, lease_seconds=-1)
        waiting = queue_a_transfer(session)
        claimed = job_queue.claim(session, transfers.KIND, "host/1/a", 60, max_attempts=1)
    assert claimed is not None
    assert claimed.id == waiting.id


def test_a_lost_job_that_should_be_cancelled_is_cancelled_by_the_next_claim(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        _claim(session, lease_seconds=-1)
        transfers.cancel(session, id)
        assert job_queue.claim(session, transfers.KIND, "host/2/b", 60, 3) is None
        cancelled = transfers.get(session, id)
    assert cancelled is not None
    assert cancelled.state is JobState.CANCELLED


@pytest.mark.parametrize(
    ("ask", "requested"),
    [(transfers.cancel, StopRequest.CANCEL), (transfers.pause, StopRequest.PAUSE)],
)
def test_a_holder_reads_a_stop_request_from_its_renewal_and_its_progress(
    sessions: Sessions, ask: Callable[[Session, str], Transfer], requested: StopRequest
) -> None:
    with sessions() as session:
        id = queue_a_transfer(session).id
        _claim(session)
        assert job_queue.record_progress(session, id, 1, Progress("training", 0.1)) is None
        assert job_queue.stop_request(session, id, 1) is None
        ask(session, id)
        assert job_queue.renew(session, id, 1, 60) is requested
        assert job_queue.record_progress(session, id, 1, Progress("training", 0.2)) is requested
        assert job_queue.stop_request(session, id, 1) is requested


@every_kind
def test_a_running_job_cancelled_at_once_is_taken_from_its_holder(
    sessions: Sessions, kind: str
) -> None:
    with sessions() as session:
        id = _QUEUE[kind](session)
        _claim(session, kind)
        assert job_queue.request_cancel(session, kind, id, at_once=True)
        assert (_job(session, id).state, _job(session, id).lease_expires_at) == (
            JobState.CANCELLED,
            None,
        )
        [attempt] = job_queue.attempts_of(session, id)
        assert (attempt.outcome, attempt.ended_at is None) == (AttemptOutcome.CANCELLED, False)
        with pytest.raises(LeaseLost):
            job_queue.renew(session, id, 1, 60)


@pytest.mark.parametrize(
    "ask",
    [
        job_queue.lock,
        job_queue.request_cancel,
        job_queue.request_pause,
        job_queue.resume,
        job_queue.retry,
        lambda session, kind, id: job_queue.set_priority(session, kind, id, 1),
    ],
)
def test_an_action_on_a_job_of_another_kind_finds_nothing(
    sessions: Sessions, ask: Callable[[Session, str, str], object]
) -> None:
    with sessions() as session:
        id = queue_a_batch_prediction(session).id
        before = _rows(session, batch_predictions.KIND, id)
        assert ask(session, transfers.KIND, id) is None
        assert _rows(session, batch_predictions.KIND, id) == before


def _claim(session: Session, kind: str = transfers.KIND, lease_seconds: float = 60) -> Job:
    claimed = job_queue.claim(session, kind, "host/1/a", lease_seconds, max_attempts=3)
    assert claimed is not None
    return claimed


def _claim_and_commit(sessions: Sessions, kind: str, worker: str) -> Job | None:
    with sessions.begin() as session:
        return job_queue.claim(session, kind, worker, 60, 3)


def _job(session: Session, id: str) -> Row[Any]:
    return session.execute(select(jobs).where(jobs.c.id == id)).one()


def _rows(session: Session, kind: str, id: str) -> tuple[Row[Any], Row[Any]]:
    """The job's row, and the one of its kind's own table."""
    key = {
        transfers.KIND: transfer_table.c.id,
        batch_predictions.KIND: batch_table.c.id,
        models.COMPILATION: compilations.c.model_id,
    }[kind]
    return _job(session, id), session.execute(select(key.table).where(key == id)).one()
