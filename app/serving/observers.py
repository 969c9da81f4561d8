"""Observers of each answered request: metrics, spans of traces, and a sample of the traffic."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Link, SpanContext
from prometheus_client import CollectorRegistry, Counter, Histogram

from app.domain.errors import Conflict, InvalidInput, NotFound, Overloaded, TooLarge, TooLate
from app.domain.evaluations import TrafficSample, labels_of
from app.domain.models import Model, TextInput
from app.domain.predictions import AnyPrediction, BatchFacts
from app.services.traffic import TrafficRecorder
from app.serving.predictor import Predicted

_LOGGER = logging.getLogger(__name__)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Users choose the names; so many of them have series, those used last.
_MOST_MODELS = 100
_INPUTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_TOKENS = (16, 64, 256, 1024, 4096, 16384, 65536)
# Answers of one batch arrive together, those of several workers a little mixed.
_REMEMBERED_BATCHES = 64
_NANOSECONDS = 1e9
_REMEMBERED_SPANS = 256
_TRACER = trace.get_tracer("babelport")
# Of a text, what is enough to tell its language and its length's bin.
_MOST_CHARACTERS = 2600
_SAVE_SECONDS = 3.0


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
    """The awaited answer; observers are notified of it, and what they raise is only logged."""
    started = time.perf_counter()
    try:
        found = await answer
    except BaseException as error:
        _notify(observers, Observation(model, inputs, time.perf_counter() - started, error=error))
        raise
    seconds = time.perf_counter() - started
    _notify(observers, Observation(model, inputs, seconds, found.predictions, found.batch))
    return found


def _notify(observers: Sequence[Observer], observation: Observation) -> None:
    for observer in observers:
        try:
            observer(observation)
        except Exception:
            _LOGGER.exception("a prediction was answered, but not observed")


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
        """Drop a model's series; if it is used again they begin at 0, as after a restart."""
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


class BatchMetrics:
    """An observer of the data plane that counts each batch once, by the last one of each answer.

    A request that took several batches reports its last one alone: these are shapes and times;
    what was computed in all is counted by the predictor process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"babelport_{name}", text, buckets=buckets, registry=registry)

        self._inputs = histogram("batch_inputs", "Inputs of a batch.", _INPUTS)
        self._tokens = histogram("batch_tokens", "Tokens of a batch, padding not counted.", _TOKENS)
        self._seconds = histogram("batch_seconds", "What computing a batch took.", _SECONDS)
        self._waited = histogram(
            "queue_seconds", "What requests waited for their last batch.", _SECONDS
        )
        self._known: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED_BATCHES)

    def __call__(self, observation: Observation) -> None:
        """Count the request's wait, and its batch unless another answer came with it before."""
        batch = observation.batch
        if batch is None:
            return
        self._waited.observe(batch.waited_seconds)
        # A new predictor process counts from 1 again, but takes another time.
        key = (batch.number, batch.seconds)
        if key not in self._known:
            self._known.append(key)
            self._count(batch)

    def _count(self, batch: BatchFacts) -> None:
        self._inputs.observe(batch.inputs)
        self._tokens.observe(batch.tokens)
        self._seconds.observe(batch.seconds)


class BatchSpans:
    """An observer of the data plane that adds two spans to that of a traced request.

    `queue` and `batch` are made afterwards, from the times that came with the answer. Requests of
    one batch are of different traces: each one's `batch` span links to that of the first request
    that was answered with it. An untraced request costs next to nothing.
    """

    def __init__(self) -> None:
        self._first: OrderedDict[tuple[int, float], SpanContext] = OrderedDict()

    def __call__(self, observation: Observation) -> None:
        """Add the spans, where the request has one that is recorded."""
        batch = observation.batch
        if batch is None or not trace.get_current_span().is_recording():
            return
        ended = time.time_ns()
        began = ended - int(batch.seconds * _NANOSECONDS)
        queued = began - int(batch.waited_seconds * _NANOSECONDS)
        _TRACER.start_span("queue", start_time=queued).end(began)
        model = f"{observation.model.name}@{observation.model.version}"
        self._add_batch(batch, model, began, ended)

    def _add_batch(self, batch: BatchFacts, model: str, began: int, ended: int) -> None:
        key = (batch.number, batch.seconds)
        first = self._first.get(key)
        span = _TRACER.start_span(
            "batch",
            start_time=began,
            links=[] if first is None else [Link(first)],
            attributes={
                "babelport.model": model,
                "babelport.batch.number": batch.number,
                "babelport.batch.inputs": batch.inputs,
                "babelport.batch.tokens": batch.tokens,
                "babelport.batch.padded_tokens": batch.padded,
            },
        )
        span.end(ended)
        if first is None:
            self._first[key] = span.get_span_context()
            while len(self._first) > _REMEMBERED_SPANS:
                self._first.popitem(last=False)


class TrafficSampler:
    """Hands each answered input on by chance; `share` is how probable that is."""

    def __init__(self, recorder: TrafficRecorder, share: float) -> None:
        self._recorder = recorder
        self._share = share

    def __call__(self, observation: Observation) -> None:
        """Draw, and let the recorder do the rest away from the request."""
        if observation.predictions is None or not self._share:
            return
        pairs = zip(observation.inputs, observation.predictions, strict=True)
        drawn = [pair for pair in pairs if random.random() < self._share]
        if drawn:
            facts = observation.model.facts
            texts = facts is not None and isinstance(facts.input, TextInput)
            id = observation.model.id
            self._recorder.take([_sample(id, *pair, texts) for pair in drawn])


def _sample(model_id: str, value: Any, prediction: AnyPrediction, is_text: bool) -> TrafficSample:
    labels, confidence = labels_of(prediction)
    return TrafficSample(model_id, _text(value) if is_text else None, labels, confidence)


def _text(value: Any) -> str:
    """The text of an input: texts, bytes of UTF-8, or a list of words."""
    if isinstance(value, bytes):
        # A character has up to four bytes.
        return value[: 4 * _MOST_CHARACTERS].decode("utf-8", "replace")[:_MOST_CHARACTERS]
    return (value if isinstance(value, str) else " ".join(value))[:_MOST_CHARACTERS]


@asynccontextmanager
async def save_samples(recorder: TrafficRecorder) -> AsyncIterator[None]:
    """Save every few seconds, and once more at the end of the block."""
    ending = asyncio.Event()
    task = asyncio.create_task(_save_until(ending, recorder))
    try:
        yield
    finally:
        ending.set()
        await task


async def _save_until(ending: asyncio.Event, recorder: TrafficRecorder) -> None:
    over = False
    while not over:
        try:
            over = await asyncio.wait_for(ending.wait(), _SAVE_SECONDS)
        except TimeoutError:
            over = False
        try:
            await asyncio.to_thread(recorder.flush)
        except Exception as error:
            # Kept in memory, and saved with what comes next.
            _LOGGER.warning("the sample of traffic was not saved: %s", type(error).__name__)
