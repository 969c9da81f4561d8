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

from app.domain.jobs import Job
from app.engines.local import LABEL_VARIABLE, LocalEngine
from app.services.context import open_context
from app.settings import Settings
from app.store import job_queue, models, transfers
from app.worker.context import WorkerContext
from app.worker.job_kinds import KINDS, JobKind
from app.worker.recovery import died_on_this_host, recover, worker_name
from app.worker.supervisor import child_label
from tests.support.records import queue_a_batch_prediction, queue_a_compilation, queue_a_transfer

Sessions = sessionmaker[Session]
linux = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs Linux's /proc")


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> WorkerContext:
    """A worker's context over a database of its own."""
    settings = Settings(data_dir=tmp_path, database_url=database_url)
    return WorkerContext(open_context(settings), LocalEngine(), threading.Event())


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
    context: WorkerContext, sleeper: subprocess.Popen[bytes]
) -> None:
    _hold(context, _a_dead_worker(), sleeper.pid)
    recover(context)
    assert sleeper.wait(10) == -signal.SIGKILL
    assert _claim(context) is not None


@linux
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_dead_workers_job_of_any_kind_is_free_at_once_and_its_child_killed(
    context: WorkerContext, kind: JobKind
) -> None:
    with context.service.sessions.begin() as session:
        queue_a_compilation(session)
        queue_a_batch_prediction(session)
        queue_a_transfer(session)
        job = job_queue.claim(session, kind.name, _a_dead_worker(), 60, 3)
    assert job is not None
    with _sleeping(child_label(job)) as left:
        with context.service.sessions.begin() as session:
            job_queue.record_process_group(session, job.id, job.attempt, left.pid)
        recover(context)
        assert left.wait(10) == -signal.SIGKILL
    with context.service.sessions.begin() as session:
        again = job_queue.claim(session, kind.name, "host/1/a", 60, 3)
        assert again == Job(job.id, kind.name, 2, "host/1/a")


def test_a_living_workers_background_job_is_let_alone(context: WorkerContext) -> None:
    kind = models.COMPILATION
    with context.service.sessions.begin() as session:
        id, worker = queue_a_compilation(session), f"{socket.gethostname()}/{os.getppid()}/token"
        assert job_queue.claim(session, kind, worker, 60, 3) == Job(id, kind, 1, worker)
    with _sleeping(f"{id}-1") as child:
        with context.service.sessions.begin() as session:
            job_queue.record_process_group(session, id, 1, child.pid)
        recover(context)
        assert child.poll() is None
    with context.service.sessions.begin() as session:
        assert job_queue.claim(session, kind, "host/1/a", 60, 3) is None


@pytest.mark.parametrize(
    "worker",
    # Ids of their own: a process id in a test's name would be another one in every process.
    [
        pytest.param("another-host/1/token", id="another"),
        pytest.param(worker_name().replace("/", "-x/", 1), id="a longer name"),
    ],
)
def test_a_child_of_another_host_is_let_alone(
    context: WorkerContext, sleeper: subprocess.Popen[bytes], worker: str
) -> None:
    _hold(context, worker, sleeper.pid)
    recover(context)
    assert sleeper.poll() is None
    assert _claim(context) is None


def test_a_child_of_a_living_worker_is_let_alone(
    context: WorkerContext, sleeper: subprocess.Popen[bytes]
) -> None:
    _hold(context, f"{socket.gethostname()}/{os.getppid()}/token", sleeper.pid)
    recover(context)
    assert sleeper.poll() is None
    assert _claim(context) is None


def test_an_earlier_worker_with_our_own_process_id_is_dead() -> None:
    """In a container every worker is process 1."""
    assert died_on_this_host(f"{socket.gethostname()}/{os.getpid()}/earlier")


def _hold(context: WorkerContext, worker: str, group: int) -> None:
    with context.service.sessions() as session:
        queue_a_transfer(session, id="trf_left")
        job_queue.claim(session, transfers.KIND, worker, 60, 3)
        job_queue.record_process_group(session, "trf_left", 1, group)
        session.commit()


def _claim(context: WorkerContext) -> Job | None:
    with context.service.sessions() as session:
        claimed = job_queue.claim(session, transfers.KIND, "host/1/a", 60, 3)
        session.commit()
    return claimed


def _a_dead_worker() -> str:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return f"{socket.gethostname()}/{process.pid}/token"
