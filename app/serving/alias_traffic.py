"""Traffic under aliases: answers counted by model, and shadow models' answers compared."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from app.domain.aliases import (
    AnswerCounts,
    ComparisonCounts,
    Disagreement,
    combine_counts,
    compare_predictions,
)
from app.domain.errors import BabelportError
from app.domain.errors.predictions import DeadlinePassed, QueueFull
from app.domain.identity import new_id, now
from app.domain.models import TextInput
from app.domain.predictions import AnyPrediction, PredictionOptions, Window
from app.services.aliases import Route, ServedModel
from app.services.context import Context
from app.serving.predictor import Predictor
from app.settings import Settings
from app.store import aliases
from app.store.aliases import MOST_DISAGREEMENTS, AnswerKey, PairKey
from app.store.database import is_transient

_SHADOW_TIMEOUT_SECONDS = 10.0
_WRITE_SECONDS = 1.0
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShadowRequest:
    """A request that the main model of `route` answered, and its shadow is to answer too.

    The shadow waits among the requests of `key`, the one that the request came with.
    """

    key: str
    route: Route
    inputs: list[Any]
    predictions: list[AnyPrediction]
    seconds: float
    window: Window | None = None

    @property
    def shadow(self) -> ServedModel:
        """The model whose answers are compared."""
        assert self.route.shadow is not None
        return self.route.shadow

    @property
    def pair(self) -> PairKey:
        """What the comparison is counted under."""
        alias = self.route.alias
        assert alias is not None
        return (alias.name, alias.alias, self.route.main.model.id, self.shadow.model.id)


class ShadowTraffic:
    """Has a few shadows answer at once, and none while many requests wait."""

    def __init__(
        self, predictor: Predictor, tally: AliasTrafficCounter, settings: Settings
    ) -> None:
        self._predictor = predictor
        self._tally = tally
        self._most_requests = settings.max_shadow_requests
        # Together with what waits a shadow never holds more than a quarter of the queue.
        self._most_waiting = settings.max_waiting_inputs // 4
        self._records_texts = settings.record_texts
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, request: ShadowRequest) -> None:
        """Have the shadow answer in the background, or pass the request over."""
        waiting = self._predictor.admission.inputs + len(request.inputs)
        busy = waiting > self._most_waiting
        if busy or len(self._tasks) >= self._most_requests:
            self._tally.compared(request.pair, ComparisonCounts(passed_over=1), [])
            return
        task = asyncio.create_task(self._compare(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is not answered yet."""
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _compare(self, request: ShadowRequest) -> None:
        began = time.monotonic()
        options = PredictionOptions(
            request.key, began + _SHADOW_TIMEOUT_SECONDS, window=request.window
        )
        try:
            predicted = await self._predictor.predict(
                request.shadow.servable, request.inputs, options
            )
            counts, differing = self._compared(
                request, predicted.predictions, time.monotonic() - began
            )
        except (QueueFull, DeadlinePassed):
            counts, differing = ComparisonCounts(passed_over=1), []
        except BabelportError:
            counts, differing = ComparisonCounts(failures=1), []
        except Exception:
            _LOGGER.exception("A shadow's answer was not compared")
            counts, differing = ComparisonCounts(failures=1), []
        self._tally.compared(request.pair, counts, differing)

    def _compared(
        self, request: ShadowRequest, answers: list[AnyPrediction], seconds: float
    ) -> tuple[ComparisonCounts, list[Disagreement]]:
        found = [
            compare_predictions(*pair) for pair in zip(request.predictions, answers, strict=True)
        ]
        differences = [one.difference for one in found]
        counts = ComparisonCounts(
            requests=1,
            inputs=len(found),
            agreements=sum(one.agrees for one in found),
            difference_sum=sum(differences),
            difference_max=max(differences),
            seconds_sum=request.seconds,
            shadow_seconds_sum=seconds,
        )
        disagreeing = [place for place, one in enumerate(found) if not one.agrees]
        return counts, [self._disagreement(request, place, answers[place]) for place in disagreeing]

    def _disagreement(
        self, request: ShadowRequest, place: int, answer: AnyPrediction
    ) -> Disagreement:
        value = request.inputs[place]
        return Disagreement(
            new_id("dsg"),
            *request.pair,
            at=now(),
            answer=request.predictions[place],
            shadow_answer=answer,
            input=value if self._records_texts and _is_text(request.route.main, value) else None,
        )


def _is_text(model: ServedModel, value: Any) -> bool:
    words = value if isinstance(value, list) else [value]
    takes_text = isinstance(model.servable.facts.input, TextInput)
    return takes_text and all(isinstance(word, str) for word in words)


@dataclass
class _PendingCounts:
    answers: dict[AnswerKey, AnswerCounts] = field(default_factory=dict)
    comparisons: dict[PairKey, ComparisonCounts] = field(default_factory=dict)
    disagreements: dict[PairKey, deque[Disagreement]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.answers or self.comparisons or self.disagreements)

    def add_answer(self, key: AnswerKey, counts: AnswerCounts) -> None:
        self.answers[key] = combine_counts(self.answers.get(key, AnswerCounts()), counts)

    def add_comparison(self, key: PairKey, counts: ComparisonCounts) -> None:
        self.comparisons[key] = combine_counts(
            self.comparisons.get(key, ComparisonCounts()), counts
        )

    def add_disagreements(self, key: PairKey, differing: list[Disagreement]) -> None:
        kept = self.disagreements.setdefault(key, deque(maxlen=MOST_DISAGREEMENTS))
        kept.extend(differing)

    def add(self, newer: _PendingCounts) -> None:
        for answer, counts in newer.answers.items():
            self.add_answer(answer, counts)
        for pair, comparison in newer.comparisons.items():
            self.add_comparison(pair, comparison)
        for pair, differing in newer.disagreements.items():
            self.add_disagreements(pair, list(differing))

    def parts(self) -> Iterator[_PendingCounts]:
        """The same divided: each model's counts and each pair's disagreements by themselves."""
        for answer, counts in self.answers.items():
            yield _PendingCounts(answers={answer: counts})
        for pair, comparison in self.comparisons.items():
            yield _PendingCounts(comparisons={pair: comparison})
        for pair, differing in self.disagreements.items():
            yield _PendingCounts(disagreements={pair: differing})


class AliasTrafficCounter:
    """Counts answers and comparisons, and writes them once a second while there are any.

    What the database cannot take now is written later; what it refuses (NaN, or a model that was
    deleted) is dropped by itself and stops nothing else. Everything is called from one event loop;
    only the writing happens in a thread.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._batch = _PendingCounts()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def answered(self, key: AnswerKey, counts: AnswerCounts) -> None:
        """Count an answer, or a failure, of a model."""
        if _is_finite(counts):
            self._batch.add_answer(key, counts)
            self._schedule_write()

    def compared(
        self, key: PairKey, counts: ComparisonCounts, differing: list[Disagreement]
    ) -> None:
        """Count how a shadow's answers compared, and keep those that differ."""
        if _is_finite(counts):
            self._batch.add_comparison(key, counts)
            if differing:
                self._batch.add_disagreements(key, differing)
            self._schedule_write()

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

    def _schedule_write(self) -> None:
        if not self._closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._write_periodically())

    async def _write_periodically(self) -> None:
        while self._batch:
            await asyncio.sleep(_WRITE_SECONDS)
            await self.write()

    async def _write_batch(self) -> None:
        async with self._writing:
            batch, self._batch = self._batch, _PendingCounts()
            if not batch:
                return
            left = await asyncio.to_thread(self._write, batch)
            left.add(self._batch)
            self._batch = left

    def _write(self, batch: _PendingCounts) -> _PendingCounts:
        """Write all of it, or part by part; returns what is to be written later."""
        try:
            self._insert(batch)
        except Exception as error:
            if is_transient(error):
                return _kept_for_later(batch, error)
            _LOGGER.warning("Counts of aliases are written one by one: %s", error)
            return self._write_parts(batch)
        return _PendingCounts()

    def _write_parts(self, batch: _PendingCounts) -> _PendingCounts:
        left = _PendingCounts()
        for part in batch.parts():
            try:
                self._insert(part)
            except Exception as error:
                if is_transient(error):
                    left.add(_kept_for_later(part, error))
                else:
                    _LOGGER.exception("Counts that the database refuses are dropped")
        return left

    def _insert(self, batch: _PendingCounts) -> None:
        differing = [one for kept in batch.disagreements.values() for one in kept]
        with self._context.sessions.begin() as session:
            aliases.add_counts(session, batch.answers, batch.comparisons, differing)


def _kept_for_later(batch: _PendingCounts, error: Exception) -> _PendingCounts:
    _LOGGER.warning("Counts of aliases wait for the database: %s", type(error).__name__)
    return batch


def _is_finite(counts: AnswerCounts | ComparisonCounts) -> bool:
    """PostgreSQL would take NaN and never count again."""
    return all(map(math.isfinite, vars(counts).values()))
