"""The metrics that Prometheus scrapes, those of the predictor and of the database among them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from app.domain.errors import BabelportError
from app.services.context import Context
from app.serving.messages import StateReply
from app.serving.predictor import Predictor
from app.store import scheduling, transfers

router = APIRouter(tags=["health"])
_STATE_TIMEOUT_SECONDS = 2.0
_EMPTY_STATE = StateReply((), 0, 0)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def get_metrics(request: Request) -> Response:
    """Read the service's metrics in Prometheus' text format, or in OpenMetrics where asked."""
    encode, kind = choose_encoder(request.headers.get("accept", ""))
    await request.app.state.predictor_metrics.ask()
    # The database is asked for its transfers meanwhile.
    found = await asyncio.to_thread(encode, request.app.state.registry)
    return Response(found, headers={"content-type": kind})


class PredictorMetrics(Collector):
    """Models in memory and what waits; 0 where no process runs or none answers in time."""

    def __init__(self, registry: CollectorRegistry, predictor: Predictor) -> None:
        self._predictor = predictor
        self._state = _EMPTY_STATE
        registry.register(self)

    async def ask(self) -> None:
        """Ask the process, on the event loop that talks to it; `collect` then reports it."""
        try:
            self._state = await asyncio.wait_for(self._predictor.state(), _STATE_TIMEOUT_SECONDS)
        except (TimeoutError, BabelportError):
            self._state = _EMPTY_STATE

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


class TransferMetrics(Collector):
    """What the database knows; while it does not answer, only that it does not."""

    def __init__(self, registry: CollectorRegistry, context: Context) -> None:
        self._context = context
        registry.register(self)

    def describe(self) -> list[Metric]:
        """Nothing, so that registering this does not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The series of this moment."""
        try:
            with self._context.readers() as session:
                counted = scheduling.count_by_state(session, transfers.KIND)
                oldest = scheduling.oldest_queued_seconds(session, transfers.KIND)
        except SQLAlchemyError:
            yield GaugeMetricFamily("babelport_database_up", "1 while it answers.", 0)
            return
        yield GaugeMetricFamily("babelport_database_up", "1 while it answers.", 1)
        states = GaugeMetricFamily("babelport_transfers", "Transfers by state.", labels=["state"])
        for state, number in counted.items():
            states.add_metric([state.value], number)
        yield states
        text = "Seconds since the oldest transfer that waits was asked for; 0 where none waits."
        yield GaugeMetricFamily("babelport_transfers_oldest_queued_seconds", text, oldest)
