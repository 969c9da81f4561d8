"""Ending what a dead worker left running, and nothing else."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from app.engines.local import LABEL_VARIABLE

_PROCESSES = Path("/proc")


def end_leftovers(group: int, label: str) -> bool:
    """Kill the process group when one of its processes carries `label`; whether it did.

    Process ids are given again, so the number alone proves nothing. Where the system has no
    /proc (macOS) nothing is killed; there the child's own watch over its parent must do.
    """
    if not any(_carries(process, label) for process in _members(group)):
        return False
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    return True


def _members(group: int) -> list[Path]:
    found = []
    for folder in _PROCESSES.glob("[0-9]*"):
        with suppress(OSError):
            if os.getpgid(int(folder.name)) == group:
                found.append(folder)
    return found


def _carries(process: Path, label: str) -> bool:
    try:
        environment = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"{LABEL_VARIABLE}={label}".encode() in environment
