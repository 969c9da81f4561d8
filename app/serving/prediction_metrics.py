"""Counts and times of predictions, by model."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram

from app.domain.errors import Conflict, InvalidInput, NotFound, Overloaded, TooLarge, TooLate
from app.serving.observation import Observation

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Names are the users' to invent; so many of them have series, those asked last.
_MOST_MODELS = 100


@dataclass(frozen=True)
class _Series:
    seconds: Histogram
    inputs: Counter


class PredictionMetrics:
    """An observer of the data plane that counts what became of requests for predictions."""

    def __init__(self, registry: CollectorRegistry, most_models: int = _MOST_MODELS) -> None:
        self._most = most_models
        self._known: OrderedDict[str, _Series] = OrderedDict()
        # Finding a series by its labels takes longer than counting in it.
        self._outcomes: dict[str, dict[str, Counter]] = {}
        self._requests = Counter(
            "babelport_predictions",
            "Requests for predictions by outcome: answered, invalid, refused, expired, dropped "
            "(the client left), failed.",
            ("model", "outcome"),
            registry=registry,
        )
        self._seconds = Histogram(
            "babelport_prediction_seconds",
            "What answered requests took from the found model to the answer, queue included.",
            ("model",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._inputs = Counter(
            "babelport_prediction_inputs", "Inputs answered.", ("model",), registry=registry
        )

    def __call__(self, observation: Observation) -> None:
        """Count one request."""
        name = f"{observation.model.name}@{observation.model.version}"
        series, outcome = self._series(name), _outcome(observation.error)
        outcomes = self._outcomes[name]
        if outcome not in outcomes:
            outcomes[outcome] = self._requests.labels(name, outcome)
        outcomes[outcome].inc()
        if observation.error is None:
            series.seconds.observe(observation.seconds)
            series.inputs.inc(len(observation.inputs))

    def _series(self, name: str) -> _Series:
        if name not in self._known:
            while len(self._known) >= self._most:
                self._forget(next(iter(self._known)))
            self._known[name] = _Series(self._seconds.labels(name), self._inputs.labels(name))
            self._outcomes[name] = {}
        self._known.move_to_end(name)
        return self._known[name]

    def _forget(self, name: str) -> None:
        """Drop a model's series; should it be asked again they begin at 0, as after a restart."""
        del self._known[name]
        self._seconds.remove(name)
        self._inputs.remove(name)
        for outcome in self._outcomes.pop(name):
            self._requests.remove(name, outcome)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "answered"
    if isinstance(error, asyncio.CancelledError):
        return "dropped"
    if isinstance(error, Overloaded):
        return "refused"
    if isinstance(error, TooLate):
        return "expired"
    invalid = isinstance(error, InvalidInput | NotFound | Conflict | TooLarge)
    return "invalid" if invalid else "failed"
