"""Folders for work in progress, which outlive neither their owner nor its sudden death."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def workspace(parent: Path) -> Iterator[Path]:
    """An empty folder below `parent`, gone at the end.

    Its owner holds a lock on it, which the system takes away when the process dies.
    """
    # Held while the folder is made and not yet locked itself, so that no sweep comes between.
    with _locked(parent, fcntl.LOCK_SH):
        folder = Path(tempfile.mkdtemp(dir=parent))
        owned = os.open(folder, os.O_RDONLY)
        fcntl.flock(owned, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(owned)


def sweep(parent: Path) -> None:
    """Delete the workspaces below `parent` whose owners are dead (killed, or out of memory)."""
    with _locked(parent, fcntl.LOCK_EX):
        for folder in parent.iterdir():
            try:
                with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(folder, ignore_errors=True)
            except (BlockingIOError, FileNotFoundError):
                continue  # somebody works in it, or was just done


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, how)
        yield
    finally:
        os.close(handle)
