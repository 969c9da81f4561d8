"""What is told of each answer, to whoever counts, samples or traces."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.models import Model
from app.domain.predictions import AnyPrediction
from app.domain.serving import BatchFacts
from app.serving.predictor import Predicted

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observation:
    """One request for predictions, over; either `predictions` and `batch` or `error` are there."""

    model: Model
    inputs: list[Any]
    seconds: float
    predictions: list[AnyPrediction] | None = None
    batch: BatchFacts | None = None
    error: BaseException | None = None


# Called on the event loop, so it takes microseconds.
Observer = Callable[[Observation], None]


async def observed(
    observers: Sequence[Observer],
    model: Model,
    inputs: list[Any],
    answer: Awaitable[Predicted],
) -> Predicted:
    """The awaited answer; observers are told how it went, and what they raise is only logged."""
    started = time.perf_counter()
    try:
        found = await answer
    except BaseException as error:
        _tell(observers, Observation(model, inputs, time.perf_counter() - started, error=error))
        raise
    seconds = time.perf_counter() - started
    _tell(observers, Observation(model, inputs, seconds, found.predictions, found.batch))
    return found


def _tell(observers: Sequence[Observer], observation: Observation) -> None:
    for observer in observers:
        try:
            observer(observation)
        except Exception:
            _LOGGER.exception("a prediction was answered, but not observed")
