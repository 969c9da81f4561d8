"""Background jobs in the worker, with real children and a real database of each kind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, sessionmaker

from app.domain.jobs import JobState
from app.settings import Settings
from app.store import models, transfers
from app.store.schema import compilations, jobs
from app.worker.job_kinds import TRANSFERS, JobKind
from app.worker.run_worker import run_worker
from tests.support.records import queue_a_compilation, queue_a_transfer
from tests.support.waiting import wait_for

Sessions = sessionmaker[Session]


def test_a_job_is_done_when_no_transfer_waits(place: Settings, sessions: Sessions) -> None:
    id = _queue(sessions)
    with _working(place, "finish"):
        row = _wait_until(sessions, id, JobState.SUCCEEDED)
    assert (row.engine, row.attempt) == ("made by the child", 1)
    assert (place.data_dir / "logs" / f"{id}-1.log").exists()


def test_a_waiting_transfer_goes_first(place: Settings, sessions: Sessions) -> None:
    job = _queue(sessions)
    with sessions.begin() as session:
        transfer = queue_a_transfer(session)
    with _working(place, "finish"):
        row = _wait_until(sessions, job, JobState.SUCCEEDED)
    with sessions() as session:
        ended = transfers.get(session, transfer.id)
    assert ended is not None
    assert ended.state is JobState.SUCCEEDED
    assert ended.finished_at is not None
    assert ended.finished_at <= row.finished_at


def test_a_job_of_a_worker_that_stops_is_handed_back_and_its_child_ends(
    place: Settings, sessions: Sessions
) -> None:
    id = _queue(sessions)
    with _working(place, "work_for_ever"):
        _wait_for_child(place, id)
        group = wait_for(lambda: _row(sessions, id).process_group)
        assert os.getpgid(group) == group
    row = _row(sessions, id)
    assert (row.state, row.uncounted_attempts, row.lease_expires_at) == (JobState.QUEUED, 1, None)
    assert (place.data_dir / f"{id}-ended").exists()


def test_a_job_that_is_deleted_takes_its_child_with_it(place: Settings, sessions: Sessions) -> None:
    id = _queue(sessions)
    with _working(place, "work_for_ever"):
        _wait_for_child(place, id)
        with sessions.begin() as session:
            models.delete(session, id)
        wait_for(lambda: (place.data_dir / f"{id}-ended").exists())


def test_a_job_whose_child_dies_every_time_fails(place: Settings, sessions: Sessions) -> None:
    id = _queue(sessions)
    with _working(place, "die"):
        row = _wait_until(sessions, id, JobState.FAILED)
    assert (row.attempt, row.failure["code"]) == (2, "process-died")


def test_a_job_is_held_for_longer_than_a_lease_lasts(place: Settings, sessions: Sessions) -> None:
    id = _queue(sessions)
    with _working(place.model_copy(update={"lease_seconds": 0.6}), "finish_after_three_leases"):
        row = _wait_until(sessions, id, JobState.SUCCEEDED)
    assert row.attempt == 1


def test_a_job_that_gives_way_makes_room_for_a_transfer_and_begins_anew(
    place: Settings, sessions: Sessions
) -> None:
    id = _queue(sessions)
    with _working(place, "work_for_ever", gives_way=True):
        _wait_for_child(place, id)
        transfer = _queue_transfer(sessions)
        wait_for(lambda: _state(sessions, transfer) is JobState.SUCCEEDED)
        assert (place.data_dir / f"{id}-ended").exists()
        wait_for(lambda: _row(sessions, id).attempt == 2)
    # Handed back for the transfer, and at the worker's end: no attempt is counted.
    assert (_row(sessions, id).state, _row(sessions, id).uncounted_attempts) == (JobState.QUEUED, 2)


def test_one_transfer_ends_one_job_where_several_run(place: Settings, sessions: Sessions) -> None:
    ids = {_queue(sessions), _queue(sessions)}
    two = place.model_copy(update={"cpu_slots": 2})
    with _working(two, "work_for_ever", gives_way=True):
        for id in ids:
            _wait_for_child(place, id)
        transfer = _queue_transfer(sessions)
        wait_for(lambda: _state(sessions, transfer) is JobState.SUCCEEDED)
        wait_for(lambda: all(_row(sessions, id).state is JobState.RUNNING for id in ids))
        assert sorted(_row(sessions, id).attempt for id in ids) == [1, 2]


@contextmanager
def _working(place: Settings, child: str, gives_way: bool = False) -> Iterator[None]:
    target = f"tests.support.background_children:{child}"
    kinds = (
        replace(TRANSFERS, target="tests.support.transfer_children:succeed"),
        JobKind(models.COMPILATION, target, max_attempts=lambda _: 2, gives_way=gives_way),
    )
    stop = threading.Event()
    thread = threading.Thread(target=run_worker, args=(place, stop, kinds))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def _queue(sessions: Sessions) -> str:
    with sessions.begin() as session:
        return queue_a_compilation(session)


def _queue_transfer(sessions: Sessions) -> str:
    with sessions.begin() as session:
        return queue_a_transfer(session).id


def _state(sessions: Sessions, id: str) -> JobState | None:
    with sessions() as session:
        found = transfers.get(session, id)
    return found and found.state


def _row(sessions: Sessions, id: str) -> Row[Any]:
    with sessions() as session:
        query = select(jobs, compilations.c.engine)
        query = query.join(compilations, compilations.c.model_id == jobs.c.id)
        return session.execute(query.where(jobs.c.id == id)).one()


def _wait_until(sessions: Sessions, id: str, state: JobState) -> Row[Any]:
    wait_for(lambda: _row(sessions, id).state is state)
    return _row(sessions, id)


def _wait_for_child(place: Settings, id: str) -> None:
    wait_for(lambda: (place.data_dir / f"{id}-at-work").exists())
