"""What a worker clears away that an earlier one on its host left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.lesser_jobs import LesserJob
from app.domain.transfers import Transfer
from app.engines.local import LABEL_VARIABLE, LocalEngine
from app.services.context import open_context
from app.settings import Settings
from app.store import compilations, leases
from app.worker.attend import child_label
from app.worker.identity import died_on_this_host, worker_name
from app.worker.lesser_kinds import KINDS, LesserKind
from app.worker.recovery import recover
from app.worker.workplace import Workplace
from tests.support.records import queue_a_batch_prediction, queue_a_compilation, queue_a_transfer

Sessions = sessionmaker[Session]
linux = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs Linux's /proc")


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Workplace:
    """A worker's place over a database of its own."""
    settings = Settings(data_dir=tmp_path, database_url=database_url)
    context, stop = open_context(settings), threading.Event()
    return Workplace(context, LocalEngine(), target="", stop=stop, lesser_kinds=KINDS)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process group as the first attempt of `trf_left` would have left it."""
    with _sleeping("trf_left-1") as process:
        yield process


@contextmanager
def _sleeping(label: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", "import signal; print(flush=True); signal.pause()"],
        start_new_session=True,
        env={**os.environ, LABEL_VARIABLE: label},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@linux
def test_a_dead_workers_child_is_killed_and_its_transfer_free_at_once(
    place: Workplace, sleeper: subprocess.Popen[bytes]
) -> None:
    _hold(place, _a_dead_worker(), sleeper.pid)
    recover(place)
    assert sleeper.wait(10) == -signal.SIGKILL
    assert _claim(place) is not None


@linux
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.argument)
def test_a_dead_workers_lesser_job_is_free_at_once_and_its_child_killed(
    place: Workplace, kind: LesserKind
) -> None:
    with place.context.sessions.begin() as session:
        queue_a_compilation(session)
        queue_a_batch_prediction(session)
        job = kind.leases.claim(session, _a_dead_worker(), 60, 3)
    assert job is not None
    with _sleeping(child_label(job)) as left:
        with place.context.sessions.begin() as session:
            kind.leases.record_process_group(session, job.id, job.attempt, left.pid)
        recover(place)
        assert left.wait(10) == -signal.SIGKILL
    with place.context.sessions.begin() as session:
        assert kind.leases.claim(session, "host/1/a", 60, 3) == LesserJob(job.id, 2)


def test_a_living_workers_lesser_job_is_let_alone(place: Workplace) -> None:
    with place.context.sessions.begin() as session:
        id, worker = queue_a_compilation(session), f"{socket.gethostname()}/{os.getppid()}/token"
        assert compilations.LEASES.claim(session, worker, 60, 3) == LesserJob(id, 1)
    with _sleeping(f"{id}-1") as child:
        with place.context.sessions.begin() as session:
            compilations.LEASES.record_process_group(session, id, 1, child.pid)
        recover(place)
        assert child.poll() is None
    with place.context.sessions.begin() as session:
        assert compilations.LEASES.claim(session, "host/1/a", 60, 3) is None


@pytest.mark.parametrize(
    "worker",
    # Ids of their own: a process id in a test's name would be another one in every process.
    [
        pytest.param("another-host/1/token", id="another"),
        pytest.param(worker_name().replace("/", "-x/", 1), id="a longer name"),
    ],
)
def test_a_child_of_another_host_is_let_alone(
    place: Workplace, sleeper: subprocess.Popen[bytes], worker: str
) -> None:
    _hold(place, worker, sleeper.pid)
    recover(place)
    assert sleeper.poll() is None
    assert _claim(place) is None


def test_a_child_of_a_living_worker_is_let_alone(
    place: Workplace, sleeper: subprocess.Popen[bytes]
) -> None:
    _hold(place, f"{socket.gethostname()}/{os.getppid()}/token", sleeper.pid)
    recover(place)
    assert sleeper.poll() is None
    assert _claim(place) is None


def test_an_earlier_worker_with_our_own_process_id_is_dead() -> None:
    """In a container every worker is process 1."""
    assert died_on_this_host(f"{socket.gethostname()}/{os.getpid()}/earlier")


def _hold(place: Workplace, worker: str, group: int) -> None:
    with place.context.sessions() as session:
        queue_a_transfer(session, id="trf_left")
        leases.claim(session, worker, 60, 3)
        leases.record_process_group(session, "trf_left", 1, group)
        session.commit()


def _claim(place: Workplace) -> Transfer | None:
    with place.context.sessions() as session:
        claimed = leases.claim(session, "host/1/a", 60, 3)
        session.commit()
    return claimed


def _a_dead_worker() -> str:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return f"{socket.gethostname()}/{process.pid}/token"
