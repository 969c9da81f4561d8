"""A live service for tests: uvicorn on a free port, over a fresh data folder and database."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from app.client import Client
from app.main import create_app
from app.services.context import Context
from app.serving.dataplane import DataPlane
from app.serving.predictor import Predictor
from app.settings import Settings
from tests.support.waiting import wait_for

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Service:
    """A running API: its address, a client of it, and the context that its use cases have.

    `predictor` and `dataplane` live in the API's event loop: a test may look at them, and stop the
    predictor's process.
    Setting `draining` tells the API that it is about to end. `loop_thread` runs the event loop.
    """

    url: str
    client: Client
    context: Context
    predictor: Predictor
    dataplane: DataPlane
    draining: threading.Event
    loop_thread: int

    def stored_files(self) -> list[Path]:
        """Every file in the artifacts' folder, half-written ones included."""
        return sorted(p for p in self.context.artifacts.root.rglob("*") if p.is_file())


@pytest.fixture
def service(tmp_path: Path, one_database_url: str) -> Iterator[Service]:
    """A service without a worker."""
    with running_service(
        Settings(data_dir=tmp_path / "var", database_url=one_database_url)
    ) as running:
        yield running


@pytest.fixture(scope="module")
def quiet_service(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str
) -> Iterator[Service]:
    """A service without a worker for all tests of a file; they leave no trace in it."""
    folder = tmp_path_factory.mktemp("service")
    with running_service(Settings(data_dir=folder, database_url=module_database_url)) as running:
        yield running


@pytest.fixture
def service_on_each(tmp_path: Path, database_url: str) -> Iterator[Service]:
    """A service without a worker; the test runs once on each kind of database."""
    with running_service(Settings(data_dir=tmp_path / "var", database_url=database_url)) as running:
        yield running


@pytest.fixture(scope="module")
def working_service(quiet_service: Service) -> Iterator[Service]:
    """The service of this file's tests, with a worker: a real process."""
    with running_worker(quiet_service.context.settings):
        yield quiet_service


@contextmanager
def running_service(settings: Settings) -> Iterator[Service]:
    """The API in a thread of this process; its database is migrated already."""
    app = create_app(settings)
    configuration = uvicorn.Config(
        app, port=0, log_level="warning", timeout_graceful_shutdown=1, lifespan="on"
    )
    server = uvicorn.Server(configuration)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    try:
        with Client(url) as client:
            state = app.state
            yield Service(
                url,
                client,
                state.context,
                state.predictor,
                state.dataplane,
                state.draining,
                thread.ident or 0,
            )
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@contextmanager
def running_worker(settings: Settings) -> Iterator[None]:
    """A worker process on the same data folder and database."""
    quick = settings.model_copy(update={"poll_seconds": 0.05, "database_url": settings.url})
    environment = os.environ | quick.environment() | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", "from app.cli.service import worker; worker()"]
    worker = subprocess.Popen(command, cwd=_ROOT, env=environment)
    try:
        yield
    finally:
        worker.terminate()
        try:
            worker.wait(timeout=20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
