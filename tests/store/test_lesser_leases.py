"""Claims, leases and fencing of lesser jobs, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Row, select
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.transfers import LeaseLost
from app.domain.lesser_jobs import JobState, LesserJob
from app.store.lesser_leases import LesserLeases
from app.store.lesser_tables import compilations
from tests.support.records import queue_a_compilation

Sessions = sessionmaker[Session]
_LEASES = LesserLeases(compilations)
_FAILURE = {"code": "process-died"}
_WRITES: dict[str, Callable[[Session, str, int], object]] = {
    "wish": _LEASES.wish,
    "renew": lambda s, id, attempt: _LEASES.renew(s, id, attempt, 60),
    "record_process_group": lambda s, id, attempt: _LEASES.record_process_group(s, id, attempt, 7),
    "write": lambda s, id, attempt: _LEASES.write(s, id, attempt, {"engine": "late"}),
    "end": lambda s, id, attempt: _LEASES.end(s, id, attempt, JobState.SUCCEEDED, {}),
    "hand_back": _LEASES.hand_back,
    "lose": lambda s, id, attempt: _LEASES.lose(s, id, attempt, _FAILURE, 2),
}


def test_the_oldest_waiting_job_is_claimed_first_and_each_once(sessions: Sessions) -> None:
    with sessions() as session:
        older, newer = queue_a_compilation(session), queue_a_compilation(session)
        assert _LEASES.anything_waits(session)
        assert [_claim(session), _claim(session)] == [LesserJob(older, 1), LesserJob(newer, 1)]
        assert not _LEASES.anything_waits(session)
        assert _LEASES.claim(session, "w", 60, 2) is None


def test_a_job_whose_lease_ran_out_is_claimed_by_another_attempt(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_compilation(session)
        _claim(session, lease_seconds=-1)
        assert _LEASES.anything_waits(session)
        assert _claim(session) == LesserJob(id, 2)


def test_what_is_held_is_found_with_its_worker_and_process_group(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_compilation(session)
        assert _LEASES.held(session) == []
        _claim(session, lease_seconds=-1)
        _LEASES.record_process_group(session, id, 1, 7)
        assert _LEASES.held(session) == [LesserJob(id, 1, "host/1/a", 7)]
        _claim(session)
        assert _LEASES.held(session) == [LesserJob(id, 2, "host/1/a", None)]


def test_a_job_that_lost_its_holder_in_every_attempt_has_failed(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_compilation(session)
        _claim(session, lease_seconds=-1)
        _claim(session, lease_seconds=-1)
        assert _LEASES.claim(session, "w", 60, 2) is None
        row = _row(session, id)
        assert (row.state, row.failure["code"]) == (JobState.FAILED, "attempts-exhausted")
        assert row.finished_at is not None


def test_a_job_whose_child_died_waits_again_until_it_was_tried_enough(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_compilation(session)
        for state in (JobState.QUEUED, JobState.FAILED):
            job = _claim(session)
            _LEASES.lose(session, id, job.attempt, _FAILURE, 2)
            assert (_row(session, id).state, _row(session, id).failure) == (state, _FAILURE)
        assert _row(session, id).finished_at is not None


def test_a_job_handed_back_loses_no_attempt(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_compilation(session)
        for attempt in range(1, 5):
            assert _claim(session) == LesserJob(id, attempt)
            _LEASES.hand_back(session, id, attempt)
        job = _claim(session)
        _LEASES.lose(session, id, job.attempt, _FAILURE, 2)
        assert _row(session, id).state is JobState.QUEUED


@pytest.mark.parametrize("write", _WRITES.values(), ids=_WRITES.keys())
def test_every_write_by_an_attempt_that_does_not_hold_the_job_is_refused(
    sessions: Sessions, write: Callable[[Session, str, int], object]
) -> None:
    with sessions() as session:
        id = queue_a_compilation(session)
        _claim(session, lease_seconds=-1)
        held = _claim(session)
        before = _row(session, id)
        with pytest.raises(LeaseLost):
            write(session, id, held.attempt - 1)
        assert _row(session, id) == before
        _LEASES.end(session, id, held.attempt, JobState.CANCELLED, {})
        with pytest.raises(LeaseLost):
            write(session, id, held.attempt)


def _claim(session: Session, lease_seconds: float = 60) -> LesserJob:
    job = _LEASES.claim(session, "host/1/a", lease_seconds, 2)
    assert job is not None
    return job


def _row(session: Session, id: str) -> Row[Any]:
    return session.execute(select(compilations).where(compilations.c.model_id == id)).one()
