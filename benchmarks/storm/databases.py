"""The two databases, and what stands for a restart of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres_server import postgres_server, server_binaries

DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Database:
    """A fresh database; `crash` and `start` are None where it has no server of its own."""

    kind: str
    url: str
    crash: Callable[[], None] | None = None
    start: Callable[[], None] | None = None


@contextmanager
def fresh_database(kind: str, folder: Path) -> Iterator[Database]:
    """One of `DATABASES`, without tables; PostgreSQL with the safe settings that it ships with."""
    if kind == "sqlite":
        yield Database(kind, f"sqlite:///{folder / 'babelport.sqlite'}")
        return
    binaries = server_binaries()
    if binaries is None:
        raise SystemExit("PostgreSQL's server is not installed: apt-get install postgresql")
    safe = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
    with postgres_server(binaries, **safe) as server:
        yield Database(kind, server.url, server.crash, server.start)
