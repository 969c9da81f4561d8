"""What references mean, asked of the database once and then known for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Found = TypeVar("Found")
_MOST_REFERENCES = 1000


@dataclass
class _Entry(Generic[Found]):
    task: asyncio.Task[Found]
    era: object
    expires: float
    renewal: _Entry[Found] | None = None


class References(Generic[Found]):
    """Answers of `look_up`, none of them older than `seconds`.

    `look_up` is called in a thread, once for all who ask at the same time. In the second half of an
    answer's life the next one is looked up beside it, so that a reference in use makes nobody wait.
    Errors are not kept. `forget` may be called from any thread, all else from one event loop.
    """

    def __init__(
        self,
        look_up: Callable[[str], Found],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_up = look_up
        self._seconds = seconds
        self._clock = clock
        self._entries: dict[str, _Entry[Found]] = {}
        self._era = object()

    async def find(self, reference: str) -> Found:
        """What the reference means; raises what `look_up` raises."""
        entry, moment = self._entries.get(reference), self._clock()
        if entry is None or not self._is_fresh(entry, moment):
            entry = self._renewal_of(entry, moment) or self._begin(reference)
            self._keep(reference, entry)
        elif entry.renewal is None and entry.expires - moment < self._seconds / 2:
            entry.renewal = self._begin(reference)
        elif entry.renewal is not None and _succeeded(entry.renewal.task):
            entry = entry.renewal
            self._keep(reference, entry)
        if entry.task.done():
            return entry.task.result()
        # One who goes away must not take the answer along from the others.
        return await asyncio.shield(entry.task)

    def forget(self) -> None:
        """Look everything up anew: something was written. What is on its way counts no more."""
        self._era = object()

    def _is_fresh(self, entry: _Entry[Found], moment: float) -> bool:
        failed = entry.task.done() and not _succeeded(entry.task)
        return entry.era is self._era and moment < entry.expires and not failed

    def _renewal_of(self, entry: _Entry[Found] | None, moment: float) -> _Entry[Found] | None:
        renewal = entry.renewal if entry is not None else None
        return renewal if renewal is not None and self._is_fresh(renewal, moment) else None

    def _begin(self, reference: str) -> _Entry[Found]:
        # The age counts from before the question: its answer may be as old as that.
        era, expires = self._era, self._clock() + self._seconds
        task = asyncio.create_task(asyncio.to_thread(self._look_up, reference))
        # An error that nobody waits for any more is no news for the log.
        task.add_done_callback(_succeeded)
        return _Entry(task, era, expires)

    def _keep(self, reference: str, entry: _Entry[Found]) -> None:
        self._entries.pop(reference, None)
        while len(self._entries) >= _MOST_REFERENCES:
            del self._entries[next(iter(self._entries))]
        self._entries[reference] = entry


def _succeeded(task: asyncio.Task[Found]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
