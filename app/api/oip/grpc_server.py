"""The gRPC server: beside the HTTP API in its process, on a port of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

from app.api.routes.health import Readiness
from app.domain.errors.predictions import GrpcNotInstalled
from app.domain.errors.service import PortTaken
from app.services.context import Context
from app.serving.dataplane import DataPlane
from app.serving.predictor import Predictor
from app.settings import Settings

_LOOK_SECONDS = 0.1


@asynccontextmanager
async def serving_grpc(
    context: Context, dataplane: DataPlane, predictor: Predictor, draining: threading.Event
) -> AsyncIterator[None]:
    """A server for the time of the block, where the settings name a port.

    Once `draining` is set, or at the end, it takes no more calls and finishes what it has, within
    `drain_seconds`. Raises GrpcNotInstalled and PortTaken.
    """
    settings = context.settings
    if not settings.grpc_port:
        yield
        return
    readiness = Readiness(context, predictor, draining)
    server = _server(context, dataplane, predictor, readiness)
    await server.start()
    watch = asyncio.create_task(_stop_when_draining(server, draining, settings.drain_seconds))
    try:
        yield
    finally:
        watch.cancel()
        await server.stop(settings.drain_seconds)


def _server(
    context: Context, dataplane: DataPlane, predictor: Predictor, readiness: Readiness
) -> Any:
    if find_spec("grpc") is None:
        raise GrpcNotInstalled
    import grpc

    from app.api.oip.grpc_service import InferenceService, UnknownCallHandler

    settings = context.settings
    server = grpc.aio.server(options=_options(settings))
    service = InferenceService(context, dataplane, predictor, readiness)
    handlers = (service.handler(), UnknownCallHandler(settings.access_log))
    server.add_generic_rpc_handlers(handlers)
    try:
        server.add_insecure_port(f"{settings.host}:{settings.grpc_port}")
    except RuntimeError:
        raise PortTaken(settings.host, settings.grpc_port, "BABELPORT_GRPC_PORT") from None
    return server


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.max_predict_body_bytes),
        ("grpc.max_send_message_length", settings.max_predict_body_bytes),
        # Otherwise a second server would take a share of the calls, and nobody would notice.
        ("grpc.so_reuseport", 0),
    ]


async def _stop_when_draining(server: Any, draining: threading.Event, seconds: float) -> None:
    while not draining.is_set():
        await asyncio.sleep(_LOOK_SECONDS)
    await server.stop(seconds)
