"""Inspects uploads in a child process with limits, so that nothing in them can hurt this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter

from app.domain.datasets import DatasetFacts, DatasetHints
from app.domain.errors.requests import (
    ReadingCrashed,
    ReadingRefused,
    ReadingTookTooLong,
    ReadingTookTooMuchMemory,
)
from app.domain.errors.service import DiskFull
from app.domain.models import ModelFacts, ModelHints
from app.settings import Settings

_MODEL_FACTS = TypeAdapter(ModelFacts)
_MAIN = "app.formats.reading_child_main"
_ROOT = Path(__file__).parents[2]
_STDERR_TAIL = 4000
# Each may take `memory_bytes`; uploads that come meanwhile wait for their turn.
_MAX_CHILDREN = 2
_children = threading.BoundedSemaphore(_MAX_CHILDREN)


def inspect_model(
    upload: Path, filename: str, hints: ModelHints, folder: Path, limits: Settings
) -> ModelFacts:
    """The facts of the model in `upload`, which the user calls `filename`.

    Its content lies in `folder` (absent before) afterwards. Raises a RejectedFile whose code and
    advice say what is wrong; `folder` may then be there or not.
    """
    arguments = {
        "upload": str(upload.resolve()),
        "filename": filename,
        "hints": {
            "labels": list(hints.labels),
            "input": hints.input,
            "vectors": hints.vectors,
        },
        "folder": str(folder.resolve()),
        "max_bytes": limits.max_unpacked_bytes,
        "max_members": limits.max_archive_members,
    }
    facts = read_in_child(
        "app.formats.read_model:read_model",
        arguments,
        limits.inspection_seconds,
        limits.inspection_memory_bytes,
    )
    return _MODEL_FACTS.validate_python(facts)


def inspect_dataset(
    upload: Path,
    filename: str,
    hints: DatasetHints,
    language: str,
    canonical: Path,
    limits: Settings,
) -> DatasetFacts:
    """Write the canonical file (Parquet for text, safetensors for images) and say what is in it.

    `filename` is the name that the user gave the file; `language` is a parsed BCP-47 tag. Raises
    `RejectedFile` with the leaf's own code; `canonical` is then undefined.
    """
    facts = read_in_child(
        "app.formats.read_dataset:read_dataset",
        {
            "upload": str(upload),
            "filename": filename,
            "hints": asdict(hints),
            "language": language,
            "canonical": str(canonical),
            "max_bytes": limits.max_unpacked_bytes,
            "max_members": limits.max_archive_members,
        },
        seconds=limits.inspection_seconds,
        memory_bytes=limits.inspection_memory_bytes,
    )
    return TypeAdapter(DatasetFacts).validate_python(facts)


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
    call = {"target": target, "arguments": arguments, "memory_bytes": memory_bytes}
    call["cpu_seconds"] = int(seconds * (os.cpu_count() or 1)) + 1
    with _children, tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as stderr:
        child = _start(call, answer, stderr)
        try:
            code = child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise ReadingTookTooLong(seconds) from None
        finally:
            _stop(child)
        return _parse_answer(
            code, _read_output(answer), _read_output(stderr), seconds, memory_bytes
        )


def _start(call: dict[str, Any], answer: IO[bytes], stderr: IO[bytes]) -> Any:
    child = subprocess.Popen(
        [sys.executable, "-m", _MAIN],
        stdin=subprocess.PIPE,
        stdout=answer,
        stderr=stderr,
        env=_environment(),
        start_new_session=True,
    )
    assert child.stdin is not None
    # The pipe stays open: the child ends itself when this process, and with it the pipe, is gone.
    try:
        child.stdin.write(json.dumps(call).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        pass  # it died at once; its exit code tells
    return child


def _environment() -> dict[str, str]:
    """This process's, without network and GPU, and with a `python -m` that finds this package."""
    overrides = {
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    path = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, **overrides, "PYTHONPATH": path}


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    if child.stdin is not None:
        child.stdin.close()


def _read_output(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _parse_answer(
    code: int, answer: bytes, stderr: bytes, seconds: float, memory_bytes: int
) -> dict[str, Any]:
    if code == -signal.SIGXCPU:
        raise ReadingTookTooLong(seconds)
    if code == -signal.SIGKILL:  # nobody but the system's out-of-memory killer does that here
        raise ReadingTookTooMuchMemory(memory_bytes)
    try:
        report: dict[str, Any] = json.loads(answer)
    except ValueError:
        raise _error_without_answer(code, stderr.decode(errors="replace"), memory_bytes) from None
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


def _error_without_answer(code: int, stderr: str, memory_bytes: int) -> Exception:
    """Native libraries abort where Python raises; the end of their standard error tells why."""
    last = stderr[-_STDERR_TAIL:].lower()
    if "memory allocation" in last or "bad_alloc" in last or "out of memory" in last:
        return ReadingTookTooMuchMemory(memory_bytes)
    name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return ReadingCrashed(f"the reading process ended with {name}")
