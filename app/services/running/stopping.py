"""How a transfer's process hears that it should save its state and end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopping:
    """Whether the process was asked to end."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask for an orderly end."""
        self._asked.set()

    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._asked.is_set()


@contextmanager
def stopping_by_signal() -> Iterator[Stopping]:
    """SIGTERM asks for an orderly end during the block, instead of ending the process at once.

    Only the main thread can listen to signals; elsewhere nothing asks.
    """
    stopping = Stopping()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        stopping.ask()

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield stopping
    finally:
        signal.signal(signal.SIGTERM, before)
