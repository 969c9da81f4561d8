"""The Predictor: answers for registered models without loading or computing in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

from app.artifacts.contract import Artifacts
from app.domain.enums import Task
from app.domain.errors.predictions import (
    ModelCannotPredict,
    ModelNotLoaded,
    NothingToPredict,
    PredictorStopped,
    TooManyInputs,
)
from app.domain.models import Model, ModelFacts
from app.domain.predictions import NO_TERMS, AnyPrediction, Terms
from app.serving.answers import as_predictions
from app.serving.inputs import prepare_inputs
from app.serving.loaded_models import (
    PredictionOrder,
    answer_order,
    start_process,
)
from app.settings import Settings

Order = TypeVar("Order")
Answer = TypeVar("Answer")


class Predictor:
    """Predictions from one process of its own, started by the first request.

    The event loop neither loads nor computes, and a model that exhausts the memory ends that
    process alone: the next request gets a fresh one.
    """

    def __init__(self, settings: Settings, artifacts: Artifacts) -> None:
        self._settings = settings
        self._artifacts = artifacts
        self._pool: ProcessPoolExecutor | None = None

    async def predict(
        self, model: Model, inputs: list[Any], terms: Terms = NO_TERMS
    ) -> list[AnyPrediction]:
        """One Prediction per input, in order.

        Texts, lists of words for a tagger, images as base64 PNG/JPEG or nested numbers. Raises
        NothingToPredict, TooManyInputs, UnusableInput, ImageOfAnotherShape, ModelCannotPredict,
        ModelNotLoaded and PredictorStopped.
        """
        facts, sha256 = _servable(model)
        if not inputs:
            raise NothingToPredict
        if len(inputs) > self._settings.max_predict_inputs:
            raise TooManyInputs(len(inputs), self._settings.max_predict_inputs)
        prepared = await asyncio.to_thread(prepare_inputs, facts, inputs)
        answer = await self.ask(answer_order, PredictionOrder(sha256, facts, prepared))
        if answer.probabilities is None:
            raise ModelNotLoaded(model.name, answer.failure)
        return as_predictions(facts, prepared, answer.probabilities)

    def close(self) -> None:
        """End the process; a later prediction starts another."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    async def ask(self, function: Callable[[Order], Answer], order: Order) -> Answer:
        """Call a function of this package in the predictor process; raises PredictorStopped."""
        pool = self._pool = self._pool or self._start()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(pool, function, order)
        except BrokenProcessPool:
            # Of several requests that lost the same process, only the first replaces it.
            if self._pool is pool:
                self._pool = None
            pool.shutdown(wait=False)
            raise PredictorStopped from None

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=1,
            # Spawned: a fork of a process with threads may hold locks that nobody releases.
            mp_context=get_context("spawn"),
            initializer=start_process,
            initargs=(self._settings, self._artifacts),
        )


def _servable(model: Model) -> tuple[ModelFacts, str]:
    if model.facts is None or model.sha256 is None:
        reason, advice = "its file was rejected", "Read the model's `rejection` and upload again."
        raise ModelCannotPredict(model.name, reason, advice)
    if model.facts.task is Task.FEATURE_EXTRACTION:
        reason = "it is a plain encoder without labels"
        raise ModelCannotPredict(model.name, reason, "Start a transfer from it to train a head.")
    return model.facts, model.sha256
