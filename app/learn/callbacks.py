"""What a long computation calls while it runs: progress, cancellation, checkpoints.

A method gets a Monitor and Checkpoints from its caller. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotDone
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

    State = tuple[dict[str, Tensor], dict[str, Any]]

_HEARTBEAT_SECONDS = 0.5
_T = TypeVar("_T")


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


class NullMonitor:
    """A Monitor that reports to nobody."""

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Do nothing."""

    def event(self, kind: str, **data: Any) -> None:
        """Do nothing."""


class SubProgress:
    """A Monitor whose 0..1 is `start`..`end` of another's; events carry `facts` along."""

    def __init__(self, parent: Monitor, start: float, end: float, **facts: Any) -> None:
        self._parent = parent
        self._start = start
        self._width = end - start
        self._facts = facts

    def progress(self, phase: str, fraction: float, **facts: Any) -> None:
        """Report the fraction of the part as one of the whole; raises `Cancelled` alike."""
        overall = self._start + self._width * min(max(fraction, 0.0), 1.0)
        self._parent.progress(phase, overall, **self._facts, **facts)

    def event(self, kind: str, **data: Any) -> None:
        """Pass the event on."""
        self._parent.event(kind, **self._facts, **data)


class Checkpoints(Protocol):
    """The last saved state of each named part of a computation."""

    def load(self, name: str) -> State | None:
        """Tensors by name and JSON facts, as last saved; None where nothing was."""

    def save(self, name: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Replace the state of `name`, whole or not at all."""

    def due(self) -> bool:
        """Whether it is time to save again a state that changes all the time."""


class NoCheckpoints:
    """Keeps nothing: a computation that was interrupted starts anew."""

    def load(self, name: str) -> State | None:
        """Nothing was kept."""
        return None

    def save(self, name: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Do nothing."""

    def due(self) -> bool:
        """Never."""
        return False


class PrefixedCheckpoints:
    """The part of `parent` whose names begin with `prefix`, for one stage or round of several."""

    def __init__(self, parent: Checkpoints, prefix: str) -> None:
        self._parent = parent
        self._prefix = prefix

    def load(self, name: str) -> State | None:
        """As last saved within this part."""
        return self._parent.load(f"{self._prefix}-{name}")

    def save(self, name: str, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Replace the state of `name` within this part."""
        self._parent.save(f"{self._prefix}-{name}", tensors, facts)

    def due(self) -> bool:
        """As the whole says."""
        return self._parent.due()


def run_in_thread(work: Callable[[], _T], heartbeat: Callable[[], None]) -> _T:
    """The result of `work`, run in a thread of its own; `heartbeat` is called twice a second.

    For a library's call that takes no callback. What `heartbeat` raises is let through once the
    work has ended.
    """
    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(work)
        while True:
            heartbeat()
            try:
                return future.result(_HEARTBEAT_SECONDS)
            except NotDone:
                continue
