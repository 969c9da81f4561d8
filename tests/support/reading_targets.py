"""Functions for the reading child to call, one for each way in which reading can end."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from app.domain.errors.requests import ArchiveUnsafe


def echo(**arguments: Any) -> dict[str, Any]:
    """Answers what it was given, and prints as careless libraries do."""
    sys.stdout.write("a banner\n")
    os.write(1, b"another banner\n")
    return arguments


def surroundings() -> dict[str, Any]:
    """What the child finds around it."""
    return {"cuda": os.environ.get("CUDA_VISIBLE_DEVICES"), "folder": os.getcwd()}


def large(size: int) -> dict[str, Any]:
    """More than a pipe holds."""
    return {"text": "x" * size}


def refuse() -> dict[str, Any]:
    """Refuses as a format does."""
    raise ArchiveUnsafe("../x", "would be written outside the folder")


def fail() -> dict[str, Any]:
    """Fails as nobody foresaw."""
    raise LookupError("no such thing")


def wait() -> dict[str, Any]:
    """Never answers."""
    time.sleep(600)
    return {}


def wait_with_pid(file: str) -> dict[str, Any]:
    """Writes its process id, then never answers."""
    Path(file).write_text(str(os.getpid()), encoding="utf-8")
    return wait()


def hoard() -> dict[str, Any]:
    """Takes ever more memory."""
    kept = []
    while True:
        kept.append(bytearray(16 * 1024**2))


def crash() -> dict[str, Any]:
    """Dies as a native library does."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def leave() -> dict[str, Any]:
    """Ends without an answer."""
    os._exit(3)


def run_out(number: int) -> dict[str, Any]:
    """Dies of a signal by its number."""
    os.kill(os.getpid(), number)
    return wait()


def meet(folder: str, mark: str, wanted: int) -> dict[str, Any]:
    """How many read at once: this one and those beside it, until `wanted` are seen or 1 s over."""
    own = Path(folder) / mark
    own.touch()
    seen, end = 0, time.monotonic() + 1
    while seen < wanted and time.monotonic() < end:
        seen = max(seen, len(list(Path(folder).iterdir())))
    own.unlink()
    return {"seen": seen}
