"""The Monitor: how a long computation tells where it is and hears that it should stop."""

from __future__ import annotations

from typing import Any, Protocol


class Monitor(Protocol):
    """What a method may call while it runs; both calls are cheap enough for every step."""

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Report that `fraction` (0..1) of this method run is done, now in `phase`.

        Raises `Cancelled` when the transfer was cancelled or its lease was lost.
        """

    def event(self, kind: str, **data: Any) -> None:
        """Add a line to the transfer's history (`check` with the scores so far, for instance)."""


class Cancelled(Exception):
    """Raised out of a computation that nobody waits for any more."""


class Silence:
    """A Monitor that reports to nobody."""

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Do nothing."""

    def event(self, kind: str, **data: Any) -> None:
        """Do nothing."""
