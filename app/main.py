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

from app.api.body_limit import BodyLimit
from app.api.departed import Departed
from app.api.description import SUMMARY, describe, operation_id
from app.api.errors import install_error_handlers
from app.api.full_queue import FullQueue
from app.api.observed import observe
from app.api.oip import repository_routes as open_repository
from app.api.oip import routes as open_inference
from app.api.oip.grpc_server import serving_grpc
from app.api.predictor_metrics import PredictorMetrics
from app.api.readiness import Readiness
from app.api.recording import recording
from app.api.routes import (
    alias_comparison,
    aliases,
    batch_predictions,
    datasets,
    drift,
    evaluations,
    health,
    methods,
    metrics,
    models,
    predictions,
    steering,
    transfers,
    words,
)
from app.api.transfer_feed import TransferFeed
from app.api.transfer_metrics import TransferMetrics
from app.services.context import Context, open_context
from app.services.record_traffic import TrafficRecorder
from app.serving.batch_metrics import BatchMetrics
from app.serving.batch_spans import BatchSpans
from app.serving.dataplane import DataPlane
from app.serving.observation import Observer
from app.serving.prediction_metrics import PredictionMetrics
from app.serving.predictor import Predictor
from app.serving.traffic_sampler import TrafficSampler
from app.settings import Settings
from app.settings import settings as settings_of_process
from app.store.migrate import require_migrated
from app.telemetry.traces import traces_only

# Addresses are looked for in this order, so what is asked most comes first.
_ROUTERS = (
    predictions,
    open_inference,
    models,
    aliases,
    alias_comparison,
    words,
    drift,
    datasets,
    transfers,
    steering,
    evaluations,
    batch_predictions,
    methods,
    health,
    open_repository,
    metrics,
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
        version=version("babelport"),
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
    observe(app, registry, chosen.access_log)
    app.add_middleware(BodyLimit, limit=chosen.max_predict_body_bytes)
    app.add_middleware(Departed)
    app.add_middleware(FullQueue, admission=predictor.admission)
    install_error_handlers(app)
    for module in _ROUTERS:
        app.include_router(module.router)
    app.state.routes = [route for module in _ROUTERS for route in module.router.routes]
    _describe_in_threads(app)
    return app


def _describe_in_threads(app: FastAPI) -> None:
    """Make the description away from the event loop: it takes a good part of a second."""
    app.openapi = partial(describe, app)  # type: ignore[method-assign]
    address = app.openapi_url or ""
    routes = app.router.routes
    routes[:] = [one for one in routes if getattr(one, "path", None) != address]
    app.add_api_route(address, lambda: JSONResponse(app.openapi()), include_in_schema=False)


def _registry(context: Context) -> CollectorRegistry:
    """One of its own for each application, with what none of its parts tells by itself."""
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
            recording(state.recorder),
            serving_grpc(context, state.dataplane, state.predictor, state.draining),
        ):
            yield
        await state.feed.close()
        await state.dataplane.close()
        state.predictor.close()

    return run
