"""The child's side of the local engine: `python -m app.engines.child LABEL`."""

from __future__ import annotations

import importlib
import json
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from app.telemetry.logs import configure_logs

_STANDARD_INPUT = 0


def call(target: str, arguments: dict[str, Any]) -> None:
    """Set up logging to standard error, import `package.module:function` and call it."""
    # A file of its own that a person reads, whatever the worker writes.
    configure_logs("text")
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    function(**arguments)


def main() -> None:
    """Read a job's specification (one line of JSON) from standard input and carry it out.

    Standard input stays open as long as the parent lives; when it ends, the whole process group
    is killed, so that no child trains on for nobody.
    """
    spec = json.loads(_read_line())
    # Whoever waits for an answer goes before what takes minutes anyhow.
    os.nice(10)
    threading.Thread(target=_die_with_the_parent, daemon=True).start()
    call(spec["target"], spec["arguments"])


def _read_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(_STANDARD_INPUT, 65536)
        if not piece:
            raise SystemExit("The parent ended before it said what to do.")
        line += piece
    return line


def _die_with_the_parent() -> None:
    # os.read and not sys.stdin: a thread inside a buffered read aborts a finishing interpreter.
    while os.read(_STANDARD_INPUT, 65536):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    main()
