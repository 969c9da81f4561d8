"""The processors that this process may use, and how many batches they compute at once."""

from __future__ import annotations

import os

_MOST_AT_ONCE = 16


def usable_processors() -> int:
    """How many there are; at least one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def batches_at_once() -> int:
    """One for each processor, up to a bound, side by side."""
    return min(usable_processors(), _MOST_AT_ONCE)
