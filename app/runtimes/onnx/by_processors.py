"""What computes on one processor, and what does on several."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Opened = TypeVar("Opened")


class ByProcessors(Generic[Opened]):
    """What `open` gives for one processor, and what it gives for several when first asked for."""

    def __init__(self, open: Callable[[int], Opened]) -> None:
        self._open = open
        self.for_one = open(1)
        self._for_several: Opened | None = None
        self._opening = threading.Lock()

    @property
    def openings(self) -> int:
        """How often it was opened."""
        return 1 + (self._for_several is not None)

    def get(self, threads: int) -> Opened:
        """What computes on `threads` processors; several threads call it at once."""
        if threads == 1:
            return self.for_one
        with self._opening:
            if self._for_several is None:
                self._for_several = self._open(threads)
        return self._for_several
