"""Shadows: models that are asked too, behind the back of those who asked, and compared."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

from app.domain.agreement import agreement
from app.domain.alias_traffic import ComparisonCounts, Disagreement
from app.domain.errors import BabelportError
from app.domain.errors.predictions import DeadlinePassed, QueueFull
from app.domain.identity import new_id, now
from app.domain.models import TextInput
from app.domain.predictions import AnyPrediction, Terms, Window
from app.services.routes import Route, Served
from app.serving.alias_tally import AliasTally
from app.serving.predictor import Predictor
from app.settings import Settings
from app.store.alias_traffic import PairKey

_SECONDS = 10.0
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """A request that the main model of `route` answered, and its shadow is to answer too.

    The shadow waits among the requests of `key`, who asked.
    """

    key: str
    route: Route
    inputs: list[Any]
    predictions: list[AnyPrediction]
    seconds: float
    window: Window | None = None

    @property
    def shadow(self) -> Served:
        """The model that is asked too."""
        assert self.route.shadow is not None
        return self.route.shadow

    @property
    def pair(self) -> PairKey:
        """What the comparison is counted under."""
        alias = self.route.alias
        assert alias is not None
        return (alias.name, alias.alias, self.route.main.model.id, self.shadow.model.id)


class Shadows:
    """Asks a few shadows at once, and none while many others wait."""

    def __init__(self, predictor: Predictor, tally: AliasTally, settings: Settings) -> None:
        self._predictor = predictor
        self._tally = tally
        self._most_requests = settings.max_shadow_requests
        # Together with those who wait a shadow never holds more than a quarter of the queue.
        self._most_waiting = settings.max_waiting_inputs // 4
        self._records_texts = settings.record_texts
        self._at_work: set[asyncio.Task[None]] = set()

    def ask(self, asked: Asked) -> None:
        """Have the shadow answer in the background, or pass the request over."""
        waiting = self._predictor.admission.inputs + len(asked.inputs)
        busy = waiting > self._most_waiting
        if busy or len(self._at_work) >= self._most_requests:
            self._tally.compared(asked.pair, ComparisonCounts(passed_over=1), [])
            return
        task = asyncio.create_task(self._compare(asked))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def close(self) -> None:
        """Give up what is not answered yet."""
        left = list(self._at_work)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _compare(self, asked: Asked) -> None:
        began = time.monotonic()
        terms = Terms(asked.key, began + _SECONDS, window=asked.window)
        try:
            predicted = await self._predictor.predict(asked.shadow.servable, asked.inputs, terms)
            counts, differing = self._compared(
                asked, predicted.predictions, time.monotonic() - began
            )
        except (QueueFull, DeadlinePassed):
            counts, differing = ComparisonCounts(passed_over=1), []
        except BabelportError:
            counts, differing = ComparisonCounts(failures=1), []
        except Exception:
            _LOGGER.exception("A shadow's answer was not compared")
            counts, differing = ComparisonCounts(failures=1), []
        self._tally.compared(asked.pair, counts, differing)

    def _compared(
        self, asked: Asked, answers: list[AnyPrediction], seconds: float
    ) -> tuple[ComparisonCounts, list[Disagreement]]:
        found = [agreement(*pair) for pair in zip(asked.predictions, answers, strict=True)]
        differences = [one.difference for one in found]
        counts = ComparisonCounts(
            requests=1,
            inputs=len(found),
            agreements=sum(one.agrees for one in found),
            difference_sum=sum(differences),
            difference_max=max(differences),
            seconds_sum=asked.seconds,
            shadow_seconds_sum=seconds,
        )
        odd = [place for place, one in enumerate(found) if not one.agrees]
        return counts, [self._disagreement(asked, place, answers[place]) for place in odd]

    def _disagreement(self, asked: Asked, place: int, answer: AnyPrediction) -> Disagreement:
        given = asked.inputs[place]
        return Disagreement(
            new_id("dsg"),
            *asked.pair,
            at=now(),
            answer=asked.predictions[place],
            shadow_answer=answer,
            input=given if self._records_texts and _is_text(asked.route.main, given) else None,
        )


def _is_text(by: Served, given: Any) -> bool:
    words = given if isinstance(given, list) else [given]
    text = isinstance(by.servable.facts.input, TextInput)
    return text and all(isinstance(word, str) for word in words)
