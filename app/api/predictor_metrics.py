"""What the predictor process holds, asked of it when somebody scrapes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.domain.errors import BabelportError
from app.serving.messages import State
from app.serving.predictor import Predictor

_PATIENCE_SECONDS = 2.0
_NOTHING = State((), 0, 0)


class PredictorMetrics(Collector):
    """Models in memory and what waits; 0 where no process runs or none answers in time."""

    def __init__(self, registry: CollectorRegistry, predictor: Predictor) -> None:
        self._predictor = predictor
        self._state = _NOTHING
        registry.register(self)

    async def ask(self) -> None:
        """Ask the process, on the event loop that talks to it; `collect` then tells."""
        try:
            self._state = await asyncio.wait_for(self._predictor.state(), _PATIENCE_SECONDS)
        except (TimeoutError, BabelportError):
            self._state = _NOTHING

    def collect(self) -> Iterator[Metric]:
        """The series of this moment."""
        names = ["model", "engine", "precision", "pinned"]
        text = "What models in memory hold."
        sizes = GaugeMetricFamily("babelport_resident_model_bytes", text, labels=names)
        for one in self._state.residents:
            labels = [f"{one.name}@{one.version}", one.engine, one.precision]
            sizes.add_metric([*labels, str(one.pinned).lower()], one.size_bytes)
        yield sizes
        held = self._predictor.admission.inputs
        yield GaugeMetricFamily("babelport_admitted_inputs", "Inputs that wait or compute.", held)
        text = "Requests for predictions that got a 429, for whichever model."
        refused = self._predictor.admission.refused
        yield CounterMetricFamily("babelport_refused_requests", text, refused)
        inputs, tokens = self._state.waiting_inputs, self._state.waiting_tokens
        yield GaugeMetricFamily("babelport_queue_inputs", "Inputs that wait for a batch.", inputs)
        yield GaugeMetricFamily("babelport_queue_tokens", "Their tokens.", tokens)
        yield from self._counts()

    def _counts(self) -> Iterator[Metric]:
        work, uses = self._state.work, self._state.uses
        for name, text, number in (
            ("batches", "Batches computed.", work.batches),
            ("computed_inputs", "Inputs computed, asked for by anybody.", work.inputs),
            ("computed_tokens", "Their tokens; pixels / 256 of images.", work.tokens),
            ("padded_tokens", "The same with padding.", work.padded),
            ("model_hits", "Requests whose model was in memory.", uses.hits),
            ("model_loads", "Models loaded into memory.", uses.loads),
            ("model_drops", "Models that left memory to make room.", uses.drops),
        ):
            yield CounterMetricFamily(f"babelport_{name}", text, number)
        if self._state.gpu_bytes is not None:
            text = "GPU memory that torch holds for the predictor."
            yield GaugeMetricFamily("babelport_gpu_bytes", text, self._state.gpu_bytes)
