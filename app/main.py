"""The API as an ASGI application: `uvicorn app.main:create_app --factory`."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry, ProcessCollector

from app.api.errors import install_error_handlers
from app.api.middleware import (
    BodyLimitMiddleware,
    ClientDisconnectMiddleware,
    QueueFullMiddleware,
    add_observability,
)
from app.api.oip import http as inference
from app.api.oip.grpc_server import serving_grpc
from app.api.openapi import SUMMARY, describe, operation_id
from app.api.routes import (
    aliases,
    batch_predictions,
    datasets,
    evaluations,
    health,
    methods,
    metrics,
    models,
    predictions,
    transfers,
    words,
)
from app.api.routes.health import Readiness
from app.api.routes.metrics import PredictorMetrics, TransferMetrics
from app.api.transfer_events import TransferFeed
from app.services.context import Context, open_context
from app.services.traffic import TrafficRecorder
from app.serving.dataplane import DataPlane
from app.serving.observers import (
    BatchMetrics,
    BatchSpans,
    Observer,
    PredictionMetrics,
    TrafficSampler,
    save_samples,
)
from app.serving.predictor import Predictor
from app.settings import Settings
from app.settings import settings as settings_of_process
from app.store.migrations import require_migrated
from app.telemetry.http import traces_only

# Addresses are matched in this order, so the most frequent come first.
_ROUTERS = (
    predictions.router,
    inference.router,
    models.router,
    aliases.router,
    words.router,
    datasets.router,
    transfers.router,
    evaluations.router,
    batch_predictions.router,
    methods.router,
    health.router,
    inference.repository_router,
    metrics.router,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application over its data folder and database; raises `MigrationsPending`.

    Whoever serves it sets `state.draining` when it should end: streams of events end then.
    """
    chosen = settings or settings_of_process()
    require_migrated(chosen.url)
    context = open_context(chosen)
    app = FastAPIOffline(
        redoc_url=None,
        title="Babelport",
        summary=SUMMARY,
        version=version("babelport-server"),
        lifespan=_lifespan(context),
        generate_unique_id_function=operation_id,
        telemetry=traces_only(),
    )
    app.state.context = context
    app.state.predictor = predictor = Predictor(chosen, context.artifacts)
    app.state.draining = threading.Event()
    app.state.feed = TransferFeed(context, app.state.draining)
    app.state.readiness = Readiness(context, predictor, app.state.draining)
    app.state.registry = registry = _registry(context)
    app.state.predictor_metrics = PredictorMetrics(registry, predictor)
    app.state.recorder = recorder = TrafficRecorder(context)
    observers: list[Observer] = [
        PredictionMetrics(registry),
        BatchMetrics(registry),
        TrafficSampler(recorder, chosen.drift_sample),
        BatchSpans(),
    ]
    app.state.dataplane = DataPlane(context, predictor, observers)
    add_observability(app, registry, chosen.access_log)
    app.add_middleware(BodyLimitMiddleware, limit=chosen.max_predict_body_bytes)
    app.add_middleware(ClientDisconnectMiddleware)
    app.add_middleware(QueueFullMiddleware, admission=predictor.admission)
    install_error_handlers(app)
    for router in _ROUTERS:
        app.include_router(router)
    app.state.routes = [route for router in _ROUTERS for route in router.routes]
    _describe_in_threads(app)
    return app


def _describe_in_threads(app: FastAPI) -> None:
    """Build the OpenAPI description in a thread: it takes a good part of a second."""
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    address = app.openapi_url or ""
    routes = app.router.routes
    routes[:] = [one for one in routes if getattr(one, "path", None) != address]
    app.add_api_route(address, lambda: JSONResponse(app.openapi()), include_in_schema=False)


def _registry(context: Context) -> CollectorRegistry:
    """One for each application, with the metrics that no other part registers."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    TransferMetrics(registry, context)
    return registry


def _lifespan(context: Context) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(context.artifacts.sweep)
        state = app.state
        async with (
            save_samples(state.recorder),
            serving_grpc(context, state.dataplane, state.predictor, state.draining),
        ):
            yield
        await state.feed.close()
        await state.dataplane.close()
        state.predictor.close()

    return run
