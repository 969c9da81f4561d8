"""The worker, with real children and a real database of each kind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.service import MigrationsPending
from app.domain.jobs import AttemptOutcome, JobState
from app.domain.transfers import Transfer
from app.settings import Settings
from app.store import job_queue, transfers
from app.worker.job_kinds import TRANSFERS, JobKind
from app.worker.run_worker import run_worker
from tests.support.records import claim_a_transfer, queue_a_transfer
from tests.support.waiting import wait_for

Sessions = sessionmaker[Session]


def test_a_transfer_whose_child_records_success_has_succeeded(
    place: Settings, sessions: Sessions
) -> None:
    id = _queue(sessions)
    with _working(place, "succeed"):
        ended = _wait_until(sessions, id, JobState.SUCCEEDED)
    assert (ended.attempt, ended.model_id, ended.result) == (1, "mdl_made", {"summary": "done"})
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert _history(sessions, id) == ["queued", "running", "succeeded"]
    assert (place.data_dir / "logs" / f"{id}-1.log").exists()


def test_transfers_are_carried_out_in_the_order_they_were_queued(
    place: Settings, sessions: Sessions
) -> None:
    ids = [_queue(sessions) for _ in range(2)]
    with _working(place, "succeed"):
        second = _wait_until(sessions, ids[1], JobState.SUCCEEDED)
    first = _get(sessions, ids[0])
    assert first.finished_at is not None
    assert second.started_at is not None
    assert first.finished_at <= second.started_at


@pytest.mark.parametrize("child", ["work_for_ever", "ignore_the_gentle_way"])
def test_a_cancelled_transfer_ends_and_its_child_with_it(
    place: Settings, sessions: Sessions, child: str
) -> None:
    id = _queue(sessions)
    with _working(place, child):
        group = _wait_for_work(sessions, id)
        with sessions() as session:
            assert transfers.cancel(session, id).state is JobState.RUNNING
            session.commit()
        _wait_until(sessions, id, JobState.CANCELLED)
        assert _group_is_gone(group)
    assert _history(sessions, id) == ["queued", "running", "cancel-requested", "cancelled"]


def test_a_child_that_always_ends_without_a_word_fails_its_transfer_and_blocks_no_other(
    place: Settings, sessions: Sessions
) -> None:
    poison, other = _queue(sessions), _queue(sessions)
    place.data_dir.mkdir()
    (place.data_dir / "poison").write_text(poison)
    with _working(place.model_copy(update={"max_attempts": 2}), "exit_with_three_if_poisoned"):
        _wait_until(sessions, other, JobState.SUCCEEDED)
        ended = _wait_until(sessions, poison, JobState.FAILED)
    assert ended.attempt == 2
    failure = ended.failure
    assert failure is not None
    assert failure["code"] == "process-died"
    assert failure["fields"] == {"exit_code": 3, "signal": None}


def test_a_child_killed_once_is_replaced_by_another(place: Settings, sessions: Sessions) -> None:
    id = _queue(sessions)
    with _working(place, "be_killed_at_first"):
        ended = _wait_until(sessions, id, JobState.SUCCEEDED)
    assert ended.attempt == 2
    with sessions() as session:
        first = job_queue.attempts_of(session, id)[0]
    assert first.outcome is AttemptOutcome.DIED
    failure = first.failure
    assert failure is not None
    assert failure["fields"] == {"exit_code": None, "signal": "SIGKILL"}
    assert "memory" in failure["advice"]


def test_a_paused_transfer_saves_itself_and_rests(place: Settings, sessions: Sessions) -> None:
    id = _queue(sessions)
    with _working(place, "save_before_the_end"):
        group = _wait_for_work(sessions, id)
        with sessions.begin() as session:
            transfers.pause(session, id)
        paused = _wait_until(sessions, id, JobState.PAUSED)
        assert _group_is_gone(group)
    assert (paused.pause_requested, paused.progress) == (False, None)
    assert (place.data_dir / "saved").read_text() == f"{id}-1"


def test_a_worker_with_two_slots_carries_out_two_transfers_at_once(
    place: Settings, sessions: Sessions
) -> None:
    ids = [_queue(sessions) for _ in range(2)]
    with _working(place.model_copy(update={"cpu_slots": 2}), "work_until_all_are_there"):
        for id in ids:
            _wait_until(sessions, id, JobState.SUCCEEDED)


def test_a_lease_lost_to_another_attempt_kills_the_child_and_writes_nothing(
    place: Settings, sessions: Sessions
) -> None:
    id = _queue(sessions)
    with _working(place, "work_for_ever"):
        group = _wait_for_work(sessions, id)
        with sessions() as session:
            job_queue.renew(session, id, 1, lease_seconds=-1)
            taken = claim_a_transfer(session, "another/1/x", lease_seconds=60)
            session.commit()
        wait_for(lambda: _group_is_gone(group))
    assert _get(sessions, id) == taken
    assert _history(sessions, id) == ["queued", "running", "queued", "running"]


def test_a_stopped_worker_hands_its_transfer_back(place: Settings, sessions: Sessions) -> None:
    id = _queue(sessions)
    with _working(place, "save_before_the_end"):
        group = _wait_for_work(sessions, id)
    assert (place.data_dir / "saved").read_text() == f"{id}-1"
    handed_back = _get(sessions, id)
    assert handed_back.state is JobState.QUEUED
    assert handed_back.progress is None
    assert _group_is_gone(group)
    with _working(place, "succeed"):
        assert _wait_until(sessions, id, JobState.SUCCEEDED).attempt == 2


def test_the_lease_is_renewed_while_the_child_works(place: Settings, sessions: Sessions) -> None:
    id = _queue(sessions)
    with _working(place, "work_for_ever"):
        _wait_for_work(sessions, id)
        first = _get(sessions, id).lease_expires_at
        wait_for(lambda: _get(sessions, id).lease_expires_at != first)


def test_a_killed_worker_loses_its_transfer_to_the_next_one(
    place: Settings, sessions: Sessions
) -> None:
    id = _queue(sessions)
    worker = _start_worker_process(place, "succeed_on_the_second_attempt")
    try:
        group = _wait_for_work(sessions, id)
    finally:
        worker.kill()
        worker.wait()
    wait_for(lambda: _group_is_gone(group))
    with _working(place, "succeed_on_the_second_attempt"):
        ended = _wait_until(sessions, id, JobState.SUCCEEDED)
    assert ended.attempt == 2


def test_a_worker_refuses_a_database_that_is_not_migrated(
    empty_database_url: str, tmp_path: Path
) -> None:
    place = Settings(data_dir=tmp_path, database_url=empty_database_url)
    with pytest.raises(MigrationsPending):
        run_worker(place, threading.Event())


@contextmanager
def _working(place: Settings, child: str) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=run_worker, args=(place, stop, _kinds(child)))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def _start_worker_process(place: Settings, child: str) -> subprocess.Popen[bytes]:
    program = (
        "import threading; from dataclasses import replace\n"
        "from app.settings import settings; from app.worker.job_kinds import TRANSFERS\n"
        "from app.worker.run_worker import run_worker\n"
        f"kinds = (replace(TRANSFERS, target={_target(child)!r}),)\n"
        "run_worker(settings(), threading.Event(), kinds)\n"
    )
    environment = os.environ | place.environment()
    return subprocess.Popen([sys.executable, "-c", program], env=environment)


def _kinds(child: str) -> tuple[JobKind, ...]:
    return (replace(TRANSFERS, target=_target(child)),)


def _target(child: str) -> str:
    return f"tests.support.transfer_children:{child}"


def _queue(sessions: Sessions) -> str:
    with sessions() as session:
        transfer = queue_a_transfer(session)
        session.commit()
    return transfer.id


def _get(sessions: Sessions, id: str) -> Transfer:
    with sessions() as session:
        transfer = transfers.get(session, id)
    assert transfer is not None
    return transfer


def _wait_until(sessions: Sessions, id: str, state: JobState) -> Transfer:
    return _wait_for_transfer(sessions, id, lambda transfer: transfer.state is state)


def _wait_for_work(sessions: Sessions, id: str) -> int:
    at_work = _wait_for_transfer(sessions, id, lambda t: bool(t.progress and t.process_group))
    assert at_work.process_group is not None
    return at_work.process_group


def _wait_for_transfer(
    sessions: Sessions, id: str, condition: Callable[[Transfer], bool]
) -> Transfer:
    def found() -> Transfer | None:
        transfer = _get(sessions, id)
        return transfer if condition(transfer) else None

    transfer = wait_for(found)
    assert transfer is not None
    return transfer


def _history(sessions: Sessions, id: str) -> list[str]:
    with sessions() as session:
        return [event.kind for event in job_queue.events_after(session, id, 0)]


def _group_is_gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False
