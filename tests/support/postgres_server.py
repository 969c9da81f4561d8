"""A PostgreSQL server of the tests' own, on a free loopback port, gone when they end."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.afterwards import afterwards
from tests.support.ports import free_port

_NEWEST_FIRST = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
# Speed over safety: nothing of this server outlives the tests.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
}


def server_binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`, or None where no server is installed."""
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else []
    candidates = [f for f in folders + _NEWEST_FIRST if (f / "initdb").exists()]
    return candidates[0] if candidates else None


@dataclass(frozen=True)
class PostgresServer:
    """A server of our own; `url` is that of its `postgres` database."""

    url: str
    _start: list[str]
    _stop: list[str]

    def start(self) -> None:
        """Start it; returns when it answers."""
        _run(*self._start)

    def crash(self) -> None:
        """End it at once, as a crash would: connections break off, nothing is put in order."""
        _run(*self._stop)


@contextmanager
def postgres_server(binaries: Path, **settings: str) -> Iterator[PostgresServer]:
    """A fresh server that runs while the context lasts; `settings` of its own go before ours."""
    # Not below pytest's own folder: that one is closed to the user who runs the server.
    home = Path(tempfile.mkdtemp(prefix="babelport-postgres-"))
    port = free_port()
    options = f"-h 127.0.0.1 -p {port} -k {home} " + " ".join(
        f"-c {name}={value}" for name, value in (_SETTINGS | settings).items()
    )
    if os.getuid() == 0:
        shutil.chown(home, "postgres")
    data, log, control = str(home / "data"), str(home / "log"), str(binaries / "pg_ctl")
    stop = [control, "-D", data, "-m", "immediate", "-w", "stop"]
    start = [control, "-D", data, "-l", log, "-w", "-o", options, "start"]
    with afterwards(f"{shlex.join(_as_server(*stop))}; rm -rf {shlex.quote(str(home))}"):
        initialise = ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        _run(str(binaries / "initdb"), *initialise, "--locale=C")
        server = PostgresServer(f"postgresql://postgres@127.0.0.1:{port}/postgres", start, stop)
        server.start()
        yield server


def _as_server(*command: str) -> list[str]:
    if os.getuid() == 0:  # the server refuses to run as root
        return ["runuser", "-u", "postgres", "--", *command]
    return list(command)


def _run(*command: str) -> None:
    # The server inherits what pg_ctl is given; a pipe would never end.
    subprocess.run(_as_server(*command), check=True, timeout=60, stdout=subprocess.DEVNULL, cwd="/")
