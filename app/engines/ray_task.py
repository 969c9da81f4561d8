"""The task's side of the Ray engine: what runs in the cluster."""

from __future__ import annotations

import json
import os
import signal
import sys
from types import FrameType
from typing import Any

from app.engines.call import call
from app.engines.ray_log import last_line


def perform_task(order: str, needs: dict[str, Any]) -> int:
    """Carry out an order (a line of JSON); the exit code of an orderly end.

    With several workers this process only waits for them.
    """
    try:
        if needs["workers"] > 1:
            from app.engines.ray_train import perform_together

            perform_together(order, needs)
            return 0
        signal.signal(signal.SIGINT, _ask_to_end)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        return perform(order)
    finally:
        for stream in (sys.stdout, sys.stderr):
            print(last_line(json.loads(order)["label"]), file=stream, flush=True)


def perform(order: str) -> int:
    """Call what the order names in this process; the exit code.

    The environment is laid over this process's here and is no part of the task's description,
    which Ray shows to everybody.
    """
    read = json.loads(order)
    os.environ.update(read["environment"])
    try:
        call(read["target"], read["arguments"])
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    return 0


def _ask_to_end(_number: int, _frame: FrameType | None) -> None:
    """Ray cancels by what looks like SIGINT; everywhere else of ours the gentle way is SIGTERM."""
    signal.raise_signal(signal.SIGTERM)
