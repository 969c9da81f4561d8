"""Watches what a service does while a transaction is open."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, Engine, event

from app.artifacts.disk import DiskArtifacts
from app.services.context import Context

_SLOW = ("path", "publish", "unpacked", "adopt_unpacked", "remove", "sweep", "stored")
_PROCESSES = ("subprocess.Popen", "os.posix_spawn", "os.fork")


class Watch:
    """What was read, fetched, hashed or started in `inside` while a transaction was open.

    `begun` counts transactions, `outside` what was done while none was open: neither may be
    empty, else nothing was watched. For one request at a time.
    """

    def __init__(self, folder: Path) -> None:
        self.inside: list[str] = []
        self.outside: list[str] = []
        self.begun = 0
        self.watching = False
        self._folder = str(folder)
        self._open: set[int] = set()

    def note(self, what: str) -> None:
        """Something that takes long, or may, is about to be done."""
        if self.watching:
            (self.inside if self._open else self.outside).append(what)

    def begin(self, connection: Connection) -> None:
        """Called by the engine."""
        self.begun += 1
        self._open.add(id(connection))

    def end(self, connection: Connection) -> None:
        """Called by the engine, on a commit and on a rollback."""
        self._open.discard(id(connection))

    def audit(self, name: str, arguments: tuple[Any, ...]) -> None:
        """Called by the interpreter: files below the data folder are opened, children started."""
        if not self.watching:
            return
        if name in _PROCESSES:
            self.note(name)
        elif name == "open" and str(arguments[0]).startswith(self._folder):
            self.note(f"open {arguments[0]}")


@contextmanager
def watched(context: Context, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Watch the engine and the artifacts of a service in this process."""
    watch = Watch(context.settings.data_dir)
    engine: Engine = context.sessions.kw["bind"]
    for name in ("commit", "rollback"):
        event.listen(engine, name, watch.end)
    event.listen(engine, "begin", watch.begin)
    for name in _SLOW:
        _tell(monkeypatch, DiskArtifacts, name, watch)
    for name in ("read_table", "read_schema", "ParquetFile"):
        _tell(monkeypatch, pq, name, watch)
    sys.addaudithook(watch.audit)  # it cannot be taken away, but sees nothing after the block
    watch.watching = True
    try:
        yield watch
    finally:
        watch.watching = False


def _tell(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, watch: Watch) -> None:
    original = getattr(owner, name)

    def told(*arguments: Any, **named: Any) -> Any:
        watch.note(name)
        return original(*arguments, **named)

    monkeypatch.setattr(owner, name, told)
