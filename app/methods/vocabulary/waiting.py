"""Waits for work that cannot be interrupted, and hears meanwhile whether it is still wanted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import TypeVar

_WAIT = 0.5
Answer = TypeVar("Answer")


def wait_for(work: Callable[[], Answer], tick: Callable[[], None]) -> Answer:
    """What `work` answers from a thread of its own; `tick` is called twice a second.

    What `tick` raises is let through once the work has ended.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        while True:
            tick()
            try:
                return future.result(_WAIT)
            except NotYet:
                continue
