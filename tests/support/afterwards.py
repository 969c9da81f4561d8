"""Ending a server with the tests that started it, however they end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def afterwards(script: str) -> Iterator[None]:
    """Run `script` at the end, also when this process is killed: its pipe then ends as well."""
    watcher = subprocess.Popen(
        ["sh", "-c", f"read _; {script}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    try:
        yield
    finally:
        watcher.communicate(timeout=60)
