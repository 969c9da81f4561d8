"""The task's side of the Ray engine: what runs in the cluster."""

from __future__ import annotations

import json
import os
import signal
import sys
from types import FrameType

from app.engines.call import call
from app.engines.ray_log import last_line


def perform(order: str) -> int:
    """Carry out an order (a line of JSON); the exit code of an orderly end.

    The environment is laid over this process's here and is no part of the task's description,
    which Ray shows to everybody.
    """
    read = json.loads(order)
    os.environ.update(read["environment"])
    signal.signal(signal.SIGINT, _ask_to_end)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        call(read["target"], read["arguments"])
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    finally:
        for stream in (sys.stdout, sys.stderr):
            print(last_line(read["label"]), file=stream, flush=True)
    return 0


def _ask_to_end(_number: int, _frame: FrameType | None) -> None:
    """Ray cancels by what looks like SIGINT; everywhere else of ours the gentle way is SIGTERM."""
    signal.raise_signal(signal.SIGTERM)
