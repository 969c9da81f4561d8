"""The DataPlane: every way in (our route, Open Inference Protocol, gRPC) asks for answers here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.domain.enums import Task
from app.domain.models import ImageInput, Model, ModelFacts
from app.domain.predictions import NO_TERMS, AnyPrediction, Terms
from app.services.context import Context
from app.services.models import find_model
from app.serving.observation import Observer, observed
from app.serving.predictor import Predictor


@dataclass(frozen=True)
class Answered:
    """The predictions, one for each input, and the model that made them."""

    model: Model
    predictions: list[AnyPrediction]


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

    async def predict(self, reference: str, inputs: list[Any], terms: Terms = NO_TERMS) -> Answered:
        """Answer `inputs`; raises ModelNotFound and what `Predictor.predict` raises."""
        model = await self.find(reference)
        answer = self._predictor.predict(model, inputs, terms)
        return Answered(model, await observed(self._observers, model, inputs, answer))

    async def load(self, model: Model) -> None:
        """Have a model in memory and warm before anybody asks for it."""
        if model.facts is not None and model.facts.task is not Task.FEATURE_EXTRACTION:
            await self._predictor.predict(model, [_trifle(model.facts)])

    def _find(self, reference: str) -> Model:
        with self._context.readers() as session:
            return find_model(session, reference)


def _trifle(facts: ModelFacts) -> Any:
    if isinstance(facts.input, ImageInput):
        wanted = facts.input
        return np.zeros((wanted.channels, wanted.height, wanted.width), np.uint8)
    return "a"
