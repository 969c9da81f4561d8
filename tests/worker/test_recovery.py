"""What a worker clears away that an earlier one on its host left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.transfers import Transfer
from app.engines.local import LABEL_VARIABLE, LocalEngine
from app.services.context import open_context
from app.settings import Settings
from app.store import leases
from app.worker.identity import died_on_this_host, worker_name
from app.worker.recovery import recover
from app.worker.workplace import Workplace
from tests.support.records import queue_a_transfer

Sessions = sessionmaker[Session]
linux = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs Linux's /proc")


@pytest.fixture
def place(one_database_url: str, tmp_path: Path) -> Workplace:
    """A worker's place over a database of its own."""
    settings = Settings(data_dir=tmp_path, database_url=one_database_url)
    return Workplace(open_context(settings), LocalEngine(), target="", stop=threading.Event())


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process group as the first attempt of `trf_left` would have left it."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import signal; print(flush=True); signal.pause()"],
        start_new_session=True,
        env={**os.environ, LABEL_VARIABLE: "trf_left-1"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


@linux
def test_a_dead_workers_child_is_killed_and_its_transfer_free_at_once(
    place: Workplace, sleeper: subprocess.Popen[bytes]
) -> None:
    _hold(place, f"{socket.gethostname()}/{_a_dead_pid()}/token", sleeper.pid)
    recover(place)
    assert sleeper.wait(10) == -signal.SIGKILL
    assert _claim(place) is not None


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


def _a_dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid
