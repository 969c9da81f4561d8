"""The DataPlane: every way in (our route, Open Inference Protocol, gRPC) asks for answers here."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.alias_traffic import AnswerCounts
from app.domain.enums import Task
from app.domain.errors import Unavailable
from app.domain.errors.predictions import AnswerNotFinite, ModelNotLoaded
from app.domain.models import Model
from app.domain.predictions import NO_TERMS, AnyPrediction, Terms
from app.domain.serving import BatchFacts, Servable
from app.domain.traffic import labels_of
from app.services.context import Context
from app.services.models import find_model
from app.services.routes import Draw, Route, Served, find_route
from app.services.servables import servable_of
from app.serving.alias_tally import AliasTally
from app.serving.observation import Observer, observed
from app.serving.predictor import Predicted, Predictor
from app.serving.references import References
from app.serving.shadows import Asked, Shadows


@dataclass(frozen=True)
class Answered:
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
        draw: Draw = random.random,
    ) -> None:
        seconds = context.settings.reference_seconds
        self._context = context
        self._predictor = predictor
        self._observers = observers
        self._draw = draw
        self._models = References(self._find_model, seconds)
        self._routes = References(self._find_route, seconds)
        self.tally = AliasTally(context)
        self._shadows = Shadows(predictor, self.tally, context.settings)

    async def find(self, reference: str) -> Model:
        """The model by id, name, name@version or name@alias; raises `ModelNotFound`."""
        return await self._models.find(reference)

    async def servable(self, reference: str) -> tuple[Model, Servable]:
        """The same as it is served; raises `ModelNotFound` and `ModelCannotPredict`."""
        main = (await self._routes.find(reference)).main
        return main.model, main.servable

    async def predict(self, reference: str, inputs: list[Any], terms: Terms = NO_TERMS) -> Answered:
        """Answer `inputs`; raises what `servable` and `Predictor.predict` raise."""
        route = await self._routes.find(reference)
        chosen = route.choose(terms.route_key, self._draw)
        try:
            return await self._answer(route, chosen, inputs, terms)
        except ModelNotLoaded:
            # It may have been deleted since, after the reference was given another meaning.
            self._routes.forget()
            route = await self._routes.find(reference)
            again = route.choose(terms.route_key, self._draw)
            if again.model.id == chosen.model.id:
                raise
            return await self._answer(route, again, inputs, terms)

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
        self, route: Route, chosen: Served, inputs: list[Any], terms: Terms
    ) -> Answered:
        began = time.perf_counter()
        work = self._predictor.predict(chosen.servable, inputs, terms)
        try:
            predicted = await observed(self._observers, chosen.model, inputs, work)
        except (Unavailable, AnswerNotFinite):
            self._count(route, chosen, AnswerCounts(failures=1))
            raise
        seconds = time.perf_counter() - began
        self._count_answer(route, chosen, predicted, seconds)
        if chosen is route.main and route.is_shadowed(self._draw):
            shown = predicted.predictions
            asked = Asked(terms.key, route, inputs, shown, seconds, terms.window)
            self._shadows.ask(asked)
        return Answered(chosen.model, predicted.predictions, predicted.batch)

    def _count_answer(
        self, route: Route, chosen: Served, predicted: Predicted, seconds: float
    ) -> None:
        if route.alias is not None:
            found = predicted.predictions
            sure = sum(labels_of(one)[1] for one in found)
            self._count(route, chosen, AnswerCounts(1, len(found), 0, sure, seconds))

    def _count(self, route: Route, chosen: Served, counts: AnswerCounts) -> None:
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
