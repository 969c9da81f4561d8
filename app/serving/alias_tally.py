"""Counts what came of the requests under aliases, and adds it to the tables now and then."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.domain.alias_traffic import AnswerCounts, ComparisonCounts, Disagreement, added
from app.services.context import Context
from app.store import alias_traffic
from app.store.alias_traffic import MOST_DISAGREEMENTS, AnswerKey, PairKey
from app.store.patience import is_transient

_SECONDS = 1.0
_LOGGER = logging.getLogger(__name__)


@dataclass
class _Batch:
    answers: dict[AnswerKey, AnswerCounts] = field(default_factory=dict)
    comparisons: dict[PairKey, ComparisonCounts] = field(default_factory=dict)
    disagreements: dict[PairKey, deque[Disagreement]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.answers or self.comparisons or self.disagreements)

    def add_answer(self, key: AnswerKey, counts: AnswerCounts) -> None:
        self.answers[key] = added(self.answers.get(key, AnswerCounts()), counts)

    def add_comparison(self, key: PairKey, counts: ComparisonCounts) -> None:
        self.comparisons[key] = added(self.comparisons.get(key, ComparisonCounts()), counts)

    def add_disagreements(self, key: PairKey, differing: list[Disagreement]) -> None:
        kept = self.disagreements.setdefault(key, deque(maxlen=MOST_DISAGREEMENTS))
        kept.extend(differing)

    def add(self, newer: _Batch) -> None:
        for answer, counts in newer.answers.items():
            self.add_answer(answer, counts)
        for pair, comparison in newer.comparisons.items():
            self.add_comparison(pair, comparison)
        for pair, differing in newer.disagreements.items():
            self.add_disagreements(pair, list(differing))

    def pieces(self) -> Iterator[_Batch]:
        """The same, each model's counts and each pair's disagreements by themselves."""
        for answer, counts in self.answers.items():
            yield _Batch(answers={answer: counts})
        for pair, comparison in self.comparisons.items():
            yield _Batch(comparisons={pair: comparison})
        for pair, differing in self.disagreements.items():
            yield _Batch(disagreements={pair: differing})


class AliasTally:
    """Counts answers and comparisons, and writes them once a second while there are any.

    What the database cannot take now is written later; what it refuses, a number that is none or a
    model that is gone, is dropped by itself and stops nothing else. Everything is called from one
    event loop; only the writing happens in a thread.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._batch = _Batch()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def answered(self, key: AnswerKey, counts: AnswerCounts) -> None:
        """Count an answer, or a failure, of a model."""
        if _is_finite(counts):
            self._batch.add_answer(key, counts)
            self._be_written()

    def compared(
        self, key: PairKey, counts: ComparisonCounts, differing: list[Disagreement]
    ) -> None:
        """Count how a shadow's answers compared, and keep those that differ."""
        if _is_finite(counts):
            self._batch.add_comparison(key, counts)
            if differing:
                self._batch.add_disagreements(key, differing)
            self._be_written()

    async def write(self) -> None:
        """Write what was counted until now; what the database cannot take now is kept."""
        # Whoever is cancelled while they wait for it must not take the counts with them.
        await asyncio.shield(asyncio.create_task(self._write_batch()))

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
        while self._batch:
            await asyncio.sleep(_SECONDS)
            await self.write()

    async def _write_batch(self) -> None:
        async with self._writing:
            batch, self._batch = self._batch, _Batch()
            if not batch:
                return
            left = await asyncio.to_thread(self._write, batch)
            left.add(self._batch)
            self._batch = left

    def _write(self, batch: _Batch) -> _Batch:
        """Write all of it, or piece by piece; what is to be written later."""
        try:
            self._insert(batch)
        except Exception as error:
            if is_transient(error):
                return _waiting(batch, error)
            _LOGGER.warning("Counts of aliases are written one by one: %s", error)
            return self._write_pieces(batch)
        return _Batch()

    def _write_pieces(self, batch: _Batch) -> _Batch:
        left = _Batch()
        for piece in batch.pieces():
            try:
                self._insert(piece)
            except Exception as error:
                if is_transient(error):
                    left.add(_waiting(piece, error))
                else:
                    _LOGGER.exception("Counts that the database refuses are dropped")
        return left

    def _insert(self, batch: _Batch) -> None:
        differing = [one for kept in batch.disagreements.values() for one in kept]
        with self._context.sessions.begin() as session:
            alias_traffic.add(session, batch.answers, batch.comparisons, differing)


def _waiting(batch: _Batch, error: Exception) -> _Batch:
    _LOGGER.warning("Counts of aliases wait for the database: %s", type(error).__name__)
    return batch


def _is_finite(counts: AnswerCounts | ComparisonCounts) -> bool:
    """PostgreSQL would take NaN and never count again."""
    return all(map(math.isfinite, vars(counts).values()))
