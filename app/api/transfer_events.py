"""Transfers' histories as server-sent events: one poller of the database for all readers."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from fastapi.sse import ServerSentEvent
from sqlalchemy.exc import SQLAlchemyError

from app.api.schemas.transfers import EventAnswer, ProgressAnswer
from app.domain.identity import now
from app.domain.jobs import JobEvent, JobState, Progress, is_final
from app.domain.transfers import TransferStanding
from app.services.context import Context
from app.store import job_queue, transfers

_POLL_SECONDS = 0.25
_DRAIN_SECONDS = 1.0  # so long a reader may not notice that the process is about to end
# Of one query; SQLite reads a condition of at most a thousand parts.
_MOST_EVENTS = 2000
_MOST_TRANSFERS = 400
_LOGGER = logging.getLogger(__name__)


@dataclass(eq=False)
class _Watched:
    """A transfer that somebody reads: `events` are all those after `first` up to `read_to`."""

    first: int
    read_to: int
    readers: int = 0
    standing: TransferStanding | None = None
    deleted: bool = False
    events: list[JobEvent] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def after(self, sequence: int) -> Sequence[JobEvent]:
        """What came after a sequence."""
        return [event for event in self.events if event.sequence > sequence]

    def is_over(self, sequence: int) -> bool:
        """Whether nothing can come any more after a sequence."""
        standing = self.standing
        if standing is None:
            return self.deleted
        return self.deleted or (is_final(standing.state) and sequence >= standing.last_event)

    def notify(self) -> None:
        """Wake the readers."""
        self.changed.set()
        self.changed = asyncio.Event()


@dataclass(frozen=True)
class _PollResult:
    """What one query found; not `complete` where there was more to read."""

    standings: Mapping[str, TransferStanding]
    events: Sequence[JobEvent]
    complete: bool


class TransferFeed:
    """Follows transfers for as long as somebody reads them.

    However many readers there are, the database is asked once in a while for all transfers that
    are read, and once more for the events of those that have new ones. Everything is called from
    one event loop.
    """

    def __init__(self, context: Context, draining: threading.Event) -> None:
        self._context = context
        self._draining = draining
        self._watched: dict[str, _Watched] = {}
        self._joined = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None

    async def follow(self, transfer_id: str, after: int) -> AsyncIterator[ServerSentEvent]:
        """Every event after the sequence `after`, and the progress between.

        Progress is not kept, so its events carry no id and a reconnection does not ask for them.
        The stream ends with the transfer, and when the process drains: the reader comes back to
        another one.
        """
        watched, shown = self._join(transfer_id, after), None
        try:
            while not self._draining.is_set():
                changed = watched.changed
                for event in watched.after(after):
                    after = event.sequence
                    yield _event_message(event)
                progress = _progress_of(watched.standing)
                if progress not in (None, shown):
                    shown = progress
                    yield _progress_message(progress)
                if watched.is_over(after):
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), _DRAIN_SECONDS)
        finally:
            self._leave(transfer_id, watched)

    async def close(self) -> None:
        """Query the database no more."""
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)

    def _join(self, transfer_id: str, after: int) -> _Watched:
        watched = self._watched.get(transfer_id)
        if watched is None:
            watched = self._watched[transfer_id] = _Watched(after, after)
        elif after < watched.first:
            # The poller reads it anew; other readers know by themselves what they have seen.
            watched.first, watched.read_to, watched.events = 0, 0, []
        watched.readers += 1
        self._joined.set()
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        return watched

    def _leave(self, transfer_id: str, watched: _Watched) -> None:
        watched.readers -= 1
        if not watched.readers:
            self._watched.pop(transfer_id, None)

    async def _poll(self) -> None:
        while self._watched and not self._draining.is_set():
            self._joined.clear()
            if not await self._poll_once():
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._joined.wait(), _POLL_SECONDS)

    async def _poll_once(self) -> bool:
        """Query once and notify the readers; whether all that there was to read was read."""
        before = {id: one.read_to for id, one in self._watched.items()}
        try:
            found = await asyncio.to_thread(self._read, before)
        except SQLAlchemyError as error:
            _LOGGER.warning("streams wait for the database: %s", type(error).__name__)
            return True
        for id, read_to in before.items():
            watched = self._watched.get(id)
            # One that was set back meanwhile is read from there the next time.
            if watched is not None and watched.read_to == read_to:
                _apply_poll(watched, found, id)
        return found.complete

    def _read(self, read_to: Mapping[str, int]) -> _PollResult:
        with self._context.readers() as session:
            standings = {one.id: one for one in transfers.standings(session, list(read_to))}
            behind = {
                id: read_to[id] for id, one in standings.items() if one.last_event > read_to[id]
            }
            some = dict(islice(behind.items(), _MOST_TRANSFERS))
            found = job_queue.events_after_each(session, some, _MOST_EVENTS) if some else []
        return _PollResult(standings, found, len(some) == len(behind) and len(found) < _MOST_EVENTS)


def _apply_poll(watched: _Watched, found: _PollResult, id: str) -> None:
    standing = found.standings.get(id)
    new = [event for event in found.events if event.job_id == id]
    if standing == watched.standing and standing is not None and not new:
        return
    watched.standing, watched.deleted = standing, standing is None
    watched.events = [*watched.events, *new]
    if new:
        watched.read_to = new[-1].sequence
    elif standing is not None and found.complete:
        watched.read_to = max(watched.read_to, standing.last_event)
    watched.notify()


def _progress_of(standing: TransferStanding | None) -> Progress | None:
    running = standing is not None and standing.state is JobState.RUNNING
    return standing.progress if standing is not None and running else None


def _event_message(event: JobEvent) -> ServerSentEvent:
    data = EventAnswer.model_validate(event).model_dump_json()
    return ServerSentEvent(event=event.kind, id=str(event.sequence), raw_data=data)


def _progress_message(progress: Progress | None) -> ServerSentEvent:
    facts = ProgressAnswer.model_validate(progress).model_dump()
    event = EventAnswer(sequence=None, kind="progress", at=now(), data=facts)
    return ServerSentEvent(event="progress", raw_data=event.model_dump_json())
