"""What is counted under aliases, kept in memory for a moment and written together."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError

from app.domain.alias_traffic import AnswerCounts, ComparisonCounts, Disagreement, added
from app.services.context import Context
from app.store import alias_traffic
from app.store.alias_traffic import MOST_DISAGREEMENTS, AnswerKey, PairKey

_SECONDS = 1.0
_LOGGER = logging.getLogger(__name__)


@dataclass
class _Batch:
    """What was not written yet; no larger than the number of aliases' models makes it."""

    answers: dict[AnswerKey, AnswerCounts] = field(default_factory=dict)
    comparisons: dict[PairKey, ComparisonCounts] = field(default_factory=dict)
    disagreements: dict[PairKey, deque[Disagreement]] = field(default_factory=dict)


class AliasTally:
    """Counts answers and comparisons, and writes them once a second while there are any.

    Everything is called from one event loop; only the writing happens in a thread.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._batch = _Batch()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def answered(self, key: AnswerKey, counts: AnswerCounts) -> None:
        """Count an answer, or a failure, of a model."""
        known = self._batch.answers
        known[key] = added(known.get(key, AnswerCounts()), counts)
        self._be_written()

    def compared(
        self, key: PairKey, counts: ComparisonCounts, differing: list[Disagreement]
    ) -> None:
        """Count how a shadow's answers compared, and keep those that differ."""
        known = self._batch.comparisons
        known[key] = added(known.get(key, ComparisonCounts()), counts)
        if differing:
            kept = self._batch.disagreements
            kept.setdefault(key, deque(maxlen=MOST_DISAGREEMENTS)).extend(differing)
        self._be_written()

    async def write(self) -> None:
        """Write what was counted until now; what the database does not take is kept."""
        async with self._writing:
            batch, self._batch = self._batch, _Batch()
            if not (batch.answers or batch.comparisons):
                return
            try:
                await asyncio.to_thread(self._write, batch)
            except DBAPIError as error:
                _LOGGER.warning("Counts of aliases wait for the database: %s", type(error).__name__)
                self._take_back(batch)

    async def close(self) -> None:
        """Write what is left."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        await self.write()

    def _be_written(self) -> None:
        if not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._write_later())

    async def _write_later(self) -> None:
        while self._batch.answers or self._batch.comparisons:
            await asyncio.sleep(_SECONDS)
            await self.write()

    def _write(self, batch: _Batch) -> None:
        differing = [one for kept in batch.disagreements.values() for one in kept]
        with self._context.sessions.begin() as session:
            alias_traffic.add(session, batch.answers, batch.comparisons, differing)

    def _take_back(self, batch: _Batch) -> None:
        newer, self._batch = self._batch, batch
        for answer, counts in newer.answers.items():
            self.answered(answer, counts)
        for pair, comparison in newer.comparisons.items():
            self.compared(pair, comparison, list(newer.disagreements.get(pair, ())))
