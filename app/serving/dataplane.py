"""The DataPlane: every way in (our route, Open Inference Protocol, gRPC) asks for answers here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.models import Model
from app.domain.predictions import NO_TERMS, AnyPrediction, Terms
from app.domain.serving import BatchFacts, Servable
from app.services.context import Context
from app.services.models import find_model
from app.services.servables import servable_of
from app.serving.observation import Observer, observed
from app.serving.predictor import Predictor


@dataclass(frozen=True)
class Answered:
    """The predictions, one for each input, the model that made them and its last batch."""

    model: Model
    predictions: list[AnyPrediction]
    batch: BatchFacts


class DataPlane:
    """Finds the model that a reference means and has it answer."""

    def __init__(
        self, context: Context, predictor: Predictor, observers: Sequence[Observer] = ()
    ) -> None:
        self._context = context
        self._predictor = predictor
        self._observers = observers

    async def find(self, reference: str) -> Model:
        """The model by id, name, name@version or name@alias; raises `ModelNotFound`."""
        return await asyncio.to_thread(self._find, reference)

    async def servable(self, reference: str) -> tuple[Model, Servable]:
        """The same as it is served; raises `ModelNotFound` and `ModelCannotPredict`."""
        return await asyncio.to_thread(self._servable, reference)

    async def predict(self, reference: str, inputs: list[Any], terms: Terms = NO_TERMS) -> Answered:
        """Answer `inputs`; raises what `servable` and `Predictor.predict` raise."""
        model, servable = await self.servable(reference)
        work = self._predictor.predict(servable, inputs, terms)
        predicted = await observed(self._observers, model, inputs, work)
        return Answered(model, predicted.predictions, predicted.batch)

    async def load(self, model: Model) -> None:
        """Have a model in memory and warm before anybody asks for it.

        Raises what `Predictor.load` raises, and `ModelCannotPredict`.
        """
        servable = await asyncio.to_thread(self._as_servable, model)
        await self._predictor.load(servable)

    def _find(self, reference: str) -> Model:
        with self._context.readers() as session:
            return find_model(session, reference)

    def _servable(self, reference: str) -> tuple[Model, Servable]:
        with self._context.readers() as session:
            model = find_model(session, reference)
            return model, servable_of(session, model)

    def _as_servable(self, model: Model) -> Servable:
        with self._context.readers() as session:
            return servable_of(session, model)
