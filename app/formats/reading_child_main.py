"""The child's side of `reading_child`: takes one call, obeys its limits, answers in JSON."""

from __future__ import annotations

import importlib
import json
import os
import resource
import threading
import traceback
from typing import Any

from app.artifacts.disk_space import is_disk_full
from app.domain.errors import BabelportError

_ENOMEM = 12
_MEMORY_WORDS = ("can't allocate memory", "cannot allocate memory", "not enough memory")


def main() -> None:
    """Read the call from standard input, make it, write the answer to the real standard output."""
    # Whatever a library prints must not stand in the answer.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    call = json.loads(_read_line(0))
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _set_limits(call["memory_bytes"], call["cpu_seconds"])
    json.dump(_call(call["target"], call["arguments"]), answer)
    answer.flush()
    # Without the interpreter's shutdown, which may wait for a library's threads.
    os._exit(0)


def _call(target: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        module, function = target.split(":")
        return {"result": getattr(importlib.import_module(module), function)(**arguments)}
    except BabelportError as error:
        return {"disk": True} if is_disk_full(error) else {"refused": error.as_dict()}
    except MemoryError:
        return {"memory": True}
    except Exception as problem:
        traceback.print_exc()
        if is_disk_full(problem):
            return {"disk": True}
        if _is_out_of_memory(problem):
            return {"memory": True}
        return {"crashed": f"{type(problem).__name__}: {str(problem)[:500]}"}


def _is_out_of_memory(problem: Exception) -> bool:
    """Whether an exception that is no MemoryError means the same."""
    if isinstance(problem, OSError) and problem.errno == _ENOMEM:
        return True
    return any(word in str(problem).lower() for word in _MEMORY_WORDS)


def _set_limits(memory_bytes: int, cpu_seconds: int) -> None:
    _lower_limit(resource.RLIMIT_AS, memory_bytes)
    _lower_limit(resource.RLIMIT_CPU, cpu_seconds)
    _lower_limit(resource.RLIMIT_CORE, 0)


def _lower_limit(limit: int, value: int) -> None:
    """Set the limit; one that is lower already stays."""
    hard = resource.getrlimit(limit)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # The hard CPU limit one second later, so that SIGXCPU tells before SIGKILL ends.
    above = value + 1 if limit == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else value
    resource.setrlimit(limit, (value, above))


def _read_line(handle: int) -> bytes:
    """One line, byte by byte: a buffered reader would swallow what the watcher waits for."""
    line = bytearray()
    while (byte := os.read(handle, 1)) not in (b"\n", b""):
        line += byte
    return bytes(line)


def _exit_with_parent() -> None:
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main()
