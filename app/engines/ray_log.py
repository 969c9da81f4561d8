"""The end of a task's output, which reaches the attendant's log later than the task's own end."""

from __future__ import annotations

import time
from pathlib import Path

_SECONDS = 5.0
_LOOK_SECONDS = 0.02


def last_line(label: str) -> str:
    """What a task prints last, to standard output and to standard error."""
    return f"The task {label} has ended."


def wait_for_the_last_line(log: Path, begin: int, label: str) -> None:
    """Wait until both streams' last lines stand in `log` after byte `begin`.

    Ray carries lines over in the background. Where they do not come within five seconds (a burst
    of output, a machine that is lost) the rest stays in Ray's own log on the task's machine.
    """
    deadline = time.monotonic() + _SECONDS
    wanted = last_line(label).encode()
    while log.read_bytes()[begin:].count(wanted) < 2 and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
