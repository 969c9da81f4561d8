"""The DataPlane: what REST, the Open Inference Protocol and gRPC call for predictions."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.domain.aliases import AnswerCounts
from app.domain.enums import Task
from app.domain.errors import Unavailable
from app.domain.errors.predictions import AnswerNotFinite, ModelNotLoaded
from app.domain.evaluations import labels_of
from app.domain.models import Model, Servable
from app.domain.predictions import DEFAULT_OPTIONS, AnyPrediction, BatchFacts, PredictionOptions
from app.services.aliases import RandomDraw, Route, ServedModel, find_route
from app.services.context import Context
from app.services.models import find_model, servable_of
from app.serving.alias_traffic import AliasTrafficCounter, ShadowRequest, ShadowTraffic
from app.serving.observers import Observer, observed
from app.serving.predictor import Predicted, Predictor

Resolved = TypeVar("Resolved")
_MOST_REFERENCES = 1000


@dataclass(frozen=True)
class PredictionResponse:
    """The predictions, one for each input, the model that made them and its last batch."""

    model: Model
    predictions: list[AnyPrediction]
    batch: BatchFacts


class DataPlane:
    """Finds the model that a reference means and has it answer.

    What a reference means is known for `reference_seconds`; `forget` is for whoever has written
    something that changes it. `draw` divides the requests that give no route key.
    """

    def __init__(
        self,
        context: Context,
        predictor: Predictor,
        observers: Sequence[Observer] = (),
        draw: RandomDraw = random.random,
    ) -> None:
        seconds = context.settings.reference_seconds
        self._context = context
        self._predictor = predictor
        self._observers = observers
        self._draw = draw
        self._models = ReferenceCache(self._find_model, seconds)
        self._routes = ReferenceCache(self._find_route, seconds)
        self.tally = AliasTrafficCounter(context)
        self._shadows = ShadowTraffic(predictor, self.tally, context.settings)

    async def find(self, reference: str) -> Model:
        """The model by id, name, name@version or name@alias; raises `ModelNotFound`."""
        return await self._models.find(reference)

    async def servable(self, reference: str) -> tuple[Model, Servable]:
        """The same as it is served; raises `ModelNotFound` and `ModelCannotPredict`."""
        main = (await self._routes.find(reference)).main
        return main.model, main.servable

    async def predict(
        self, reference: str, inputs: list[Any], options: PredictionOptions = DEFAULT_OPTIONS
    ) -> PredictionResponse:
        """Answer `inputs`; raises what `servable` and `Predictor.predict` raise."""
        route = await self._routes.find(reference)
        chosen = route.choose(options.route_key, self._draw)
        try:
            return await self._answer(route, chosen, inputs, options)
        except ModelNotLoaded:
            # It may have been deleted since, after the reference was given another meaning.
            self._routes.forget()
            route = await self._routes.find(reference)
            again = route.choose(options.route_key, self._draw)
            if again.model.id == chosen.model.id:
                raise
            return await self._answer(route, again, inputs, options)

    async def load(self, model: Model) -> None:
        """Have a model in memory and warm before anybody asks for it.

        Raises what `Predictor.load` raises, and `ModelCannotPredict`. An encoder without labels
        answers nobody, so there is nothing to load.
        """
        if model.facts is None or model.facts.task is not Task.FEATURE_EXTRACTION:
            await self._predictor.load(await asyncio.to_thread(self._as_servable, model))

    def forget(self) -> None:
        """Look up anew what references mean; may be called from any thread."""
        self._models.forget()
        self._routes.forget()

    async def close(self) -> None:
        """Give up what shadows have not answered, and write what was counted."""
        await self._shadows.close()
        await self.tally.close()

    async def _answer(
        self, route: Route, chosen: ServedModel, inputs: list[Any], options: PredictionOptions
    ) -> PredictionResponse:
        began = time.perf_counter()
        work = self._predictor.predict(chosen.servable, inputs, options)
        try:
            predicted = await observed(self._observers, chosen.model, inputs, work)
        except (Unavailable, AnswerNotFinite):
            self._count(route, chosen, AnswerCounts(failures=1))
            raise
        seconds = time.perf_counter() - began
        self._count_answer(route, chosen, predicted, seconds)
        if chosen is route.main and route.is_shadowed(self._draw):
            predictions = predicted.predictions
            self._shadows.submit(
                ShadowRequest(options.key, route, inputs, predictions, seconds, options.window)
            )
        return PredictionResponse(chosen.model, predicted.predictions, predicted.batch)

    def _count_answer(
        self, route: Route, chosen: ServedModel, predicted: Predicted, seconds: float
    ) -> None:
        if route.alias is not None:
            predictions = predicted.predictions
            confidence = sum(labels_of(one)[1] for one in predictions)
            self._count(route, chosen, AnswerCounts(1, len(predictions), 0, confidence, seconds))

    def _count(self, route: Route, chosen: ServedModel, counts: AnswerCounts) -> None:
        if route.alias is not None:
            key = (route.alias.name, route.alias.alias, chosen.model.id)
            self.tally.answered(key, counts)

    def _find_model(self, reference: str) -> Model:
        with self._context.readers() as session:
            return find_model(session, reference)

    def _find_route(self, reference: str) -> Route:
        with self._context.readers() as session:
            return find_route(session, reference)

    def _as_servable(self, model: Model) -> Servable:
        with self._context.readers() as session:
            return servable_of(session, model)


@dataclass
class _CacheEntry(Generic[Resolved]):
    task: asyncio.Task[Resolved]
    generation: object
    expires: float
    renewal: _CacheEntry[Resolved] | None = None


class ReferenceCache(Generic[Resolved]):
    """Answers of `look_up`, none of them older than `seconds`.

    `look_up` is called in a thread, once for all who ask at the same time. In the second half of an
    answer's life the next one is looked up beside it, so that a reference in use makes nobody wait.
    Errors are not kept. `forget` may be called from any thread, all else from one event loop.
    """

    def __init__(
        self,
        look_up: Callable[[str], Resolved],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look_up = look_up
        self._seconds = seconds
        self._clock = clock
        self._entries: dict[str, _CacheEntry[Resolved]] = {}
        self._generation = object()

    async def find(self, reference: str) -> Resolved:
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
        self._generation = object()

    def _is_fresh(self, entry: _CacheEntry[Resolved], moment: float) -> bool:
        failed = entry.task.done() and not _succeeded(entry.task)
        return entry.generation is self._generation and moment < entry.expires and not failed

    def _renewal_of(
        self, entry: _CacheEntry[Resolved] | None, moment: float
    ) -> _CacheEntry[Resolved] | None:
        renewal = entry.renewal if entry is not None else None
        return renewal if renewal is not None and self._is_fresh(renewal, moment) else None

    def _begin(self, reference: str) -> _CacheEntry[Resolved]:
        # The age counts from before the question: its answer may be as old as that.
        generation, expires = self._generation, self._clock() + self._seconds
        task = asyncio.create_task(asyncio.to_thread(self._look_up, reference))
        # An error that nobody waits for any more is no news for the log.
        task.add_done_callback(_succeeded)
        return _CacheEntry(task, generation, expires)

    def _keep(self, reference: str, entry: _CacheEntry[Resolved]) -> None:
        self._entries.pop(reference, None)
        while len(self._entries) >= _MOST_REFERENCES:
            del self._entries[next(iter(self._entries))]
        self._entries[reference] = entry


def _succeeded(task: asyncio.Task[Resolved]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
