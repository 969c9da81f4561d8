"""Where a storm takes place: a service of its own, set to notice deaths soon."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.cli.processes import free_port
from app.store.database import open_database, session_factory
from app.store.migrations import upgrade
from benchmarks.storm.databases import Database
from benchmarks.storm.history import History
from benchmarks.storm.supervisor import Supervisor

SETTINGS = {
    "BABELPORT_LEASE_SECONDS": "4",
    "BABELPORT_CHECKPOINT_SECONDS": "0.2",
    "BABELPORT_MAX_ATTEMPTS": "30",
    "BABELPORT_CPU_SLOTS": "2",
    "BABELPORT_ADVICE_SECONDS": "0",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Place:
    """The service's processes, its address, its data folder and its database."""

    supervisor: Supervisor
    url: str
    data: Path
    database: Database
    history: History

    def collect(self) -> str:
        """Run `babelport collect`; what it printed."""
        command = [sys.executable, "-m", "app.cli.main", "collect", "--older-than", "0"]
        environment = self.supervisor.environment
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise SystemExit(f"babelport collect failed: {done.stderr[-2000:]}")
        return done.stdout


@contextmanager
def a_place(database: Database, folder: Path) -> Iterator[Place]:
    """A migrated database, with an API and one worker that are ready."""
    upgrade(database.url)
    port = free_port("127.0.0.1", 8200)
    data = folder / "data"
    environment = SETTINGS | {
        "BABELPORT_DATA_DIR": str(data),
        "BABELPORT_DATABASE_URL": database.url,
        "BABELPORT_PORT": str(port),
    }
    supervisor = Supervisor(environment, folder / "logs")
    engine = open_database(database.url)
    history = History(session_factory(engine, reads_only=True))
    url = f"http://127.0.0.1:{port}"
    try:
        supervisor.start("api")
        supervisor.start("worker-1")
        supervisor.wait_until_ready(url)
        yield Place(supervisor, url, data, database, history)
    finally:
        supervisor.stop()
        engine.dispose()
