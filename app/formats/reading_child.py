"""Reads an upload in a process of its own, with limits: nothing it does can hurt this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from app.domain.errors.reading import (
    ReadingCrashed,
    ReadingRefused,
    ReadingTookTooLong,
    ReadingTookTooMuchMemory,
)
from app.domain.errors.storage import DiskFull

_MAIN = "app.formats.reading_child_main"
_ROOT = Path(__file__).parents[2]
_TAIL = 4000
# Each may take `memory_bytes`; uploads that come meanwhile wait for their turn.
_AT_ONCE = 2
_turns = threading.BoundedSemaphore(_AT_ONCE)


def read_in_child(
    target: str, arguments: dict[str, Any], seconds: float, memory_bytes: int
) -> dict[str, Any]:
    """Call `target` (`package.module:function`) with JSON `arguments` in a fresh process.

    Returns the dict that it returned. The child may take `seconds` by the clock and
    `memory_bytes` of address space. A BabelportError inside comes back as ReadingRefused with
    the same code; ReadingTookTooLong, ReadingTookTooMuchMemory and ReadingCrashed are the rest. A
    disk that ran full is no fault of the file: DiskFull.
    Two processes read at a time; a third call waits, and its time is not counted meanwhile.
    """
    order = {"target": target, "arguments": arguments, "memory_bytes": memory_bytes}
    order["cpu_seconds"] = int(seconds * (os.cpu_count() or 1)) + 1
    with _turns, tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as complaints:
        child = _start(order, answer, complaints)
        try:
            code = child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise ReadingTookTooLong(seconds) from None
        finally:
            _end(child)
        return _understand(code, _read(answer), _read(complaints), seconds, memory_bytes)


def _start(order: dict[str, Any], answer: IO[bytes], complaints: IO[bytes]) -> Any:
    child = subprocess.Popen(
        [sys.executable, "-m", _MAIN],
        stdin=subprocess.PIPE,
        stdout=answer,
        stderr=complaints,
        env=_environment(),
        start_new_session=True,
    )
    assert child.stdin is not None
    # The pipe stays open: the child ends itself when this process, and with it the pipe, is gone.
    try:
        child.stdin.write(json.dumps(order).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        pass  # it died at once; its exit code tells
    return child


def _environment() -> dict[str, str]:
    """Ours, less the network and the GPU, and with a `python -m` that finds this package."""
    ours = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    path = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, **ours, "PYTHONPATH": path}


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdin is not None:
        child.stdin.close()


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _understand(
    code: int, answer: bytes, complaints: bytes, seconds: float, memory_bytes: int
) -> dict[str, Any]:
    if code == -signal.SIGXCPU:
        raise ReadingTookTooLong(seconds)
    if code == -signal.SIGKILL:  # nobody but the system's out-of-memory killer does that here
        raise ReadingTookTooMuchMemory(memory_bytes)
    try:
        report: dict[str, Any] = json.loads(answer)
    except ValueError:
        raise _without_answer(code, complaints.decode(errors="replace"), memory_bytes) from None
    if "refused" in report:
        raise ReadingRefused(report["refused"])
    if "memory" in report:
        raise ReadingTookTooMuchMemory(memory_bytes)
    if "disk" in report:
        raise DiskFull
    if "crashed" in report:
        raise ReadingCrashed(report["crashed"])
    result: dict[str, Any] = report["result"]
    return result


def _without_answer(code: int, complaints: str, memory_bytes: int) -> Exception:
    """Native libraries abort where Python raises; their last words tell what they lacked."""
    last = complaints[-_TAIL:].lower()
    if "memory allocation" in last or "bad_alloc" in last or "out of memory" in last:
        return ReadingTookTooMuchMemory(memory_bytes)
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return ReadingCrashed(f"the reading process ended with {name}")
