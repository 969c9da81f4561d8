"""ASGI middleware: request ids and access logs, body limits, a full queue, disconnected clients."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import send_overloaded
from app.api.prediction_requests import options_of
from app.domain.errors.predictions import QueueFull, TimeoutUnusable
from app.serving.admission import Admission
from app.telemetry.http import HttpMetrics
from app.telemetry.logs import (
    REQUEST_ID_HEADER,
    current_request_id,
    escape_unprintable,
    request_id_of,
)

_LOGGER = logging.getLogger("babelport.access")
# Asked every few seconds by machines: worth a line only when they fail.
_PROBES = frozenset({"/health", "/ready", "/metrics"})
# nginx's status for a client that disconnected before it was answered.
_CLIENT_CLOSED_REQUEST = 499
# Routes that read large bodies in threads. All others are parsed by the framework, on the event
# loop, where everybody waits.
_LARGE_BODY_ENDINGS = ("/predict", "/infer", "/v1/transfers")
_SMALL_BYTES = 1024 * 1024
_PREDICTION_ENDINGS = ("/predict", "/infer")


def add_observability(app: FastAPI, registry: CollectorRegistry, access_log: bool) -> None:
    """Observe every request of `app`, and make its metrics known in `registry`.

    Middleware that the framework adds lies within its handler of unexpected errors, whose answers
    would go unseen; this lies around it.
    """
    build, metrics = app.build_middleware_stack, HttpMetrics(registry)
    app.build_middleware_stack = (  # type: ignore[method-assign]
        lambda: ObservabilityMiddleware(build(), metrics, access_log)
    )


class ObservabilityMiddleware:
    """Wraps the whole application, its handler of unexpected errors included."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, access_log: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, then count and log it; without an answer the status is 499."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), _CLIENT_CLOSED_REQUEST
        id = request_id_of(scope["headers"])
        token = current_request_id.set(id)

        async def identified(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID_HEADER, id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, identified)
        finally:
            self._record(scope, status, time.perf_counter() - started)
            current_request_id.reset(token)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None)
        self._metrics.observe(scope["method"], route, status, seconds)
        if self._access_log and (route not in _PROBES or status >= 400):
            _LOGGER.info(
                "%s %s %s in %.1f ms",
                scope["method"],
                escape_unprintable(scope["path"]),
                status,
                seconds * 1000,
                extra={
                    "method": scope["method"],
                    "path": scope["path"],
                    "route": route,
                    "status": status,
                    "milliseconds": round(seconds * 1000, 2),
                },
            )


class BodyLimitMiddleware:
    """ASGI middleware: reading more than `limit` bytes of one body is a 413.

    Only requests that may hold many inputs or parameters may have more than 1 MiB.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body while it is read."""
        if scope["type"] != "http" or _is_multipart(scope):
            await self._app(scope, receive, send)
            return
        total = 0
        large = scope["path"].endswith(_LARGE_BODY_ENDINGS)
        limit = self._limit if large else min(self._limit, _SMALL_BYTES)

        async def counted() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > limit:
                # The framework lets this one pass, and makes a 400 of all others while it reads.
                raise HTTPException(413, f"The body is larger than {limit} bytes.")
            return message

        await self._app(scope, counted, send)


def _is_multipart(scope: Scope) -> bool:
    kind = dict(scope["headers"]).get(b"content-type", b"")
    return bool(kind.lower().startswith(b"multipart/form-data"))


class QueueFullMiddleware:
    """ASGI middleware: a request for predictions that has no place gets its 429 at once.

    At many times the load that can be answered, what is refused must cost next to nothing: the
    body is not read, the model is not looked up.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if _asks_for_predictions(scope):
            try:
                self._admission.check(options_of(scope))
            except QueueFull as full:
                await send_overloaded(send, scope["path"], full)
                return
            except TimeoutUnusable:
                pass  # the route says so in the form of its protocol
        await self._app(scope, receive, send)


def _asks_for_predictions(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "POST"
        and scope["path"].endswith(_PREDICTION_ENDINGS)
    )


class ClientDisconnectMiddleware:
    """ASGI middleware: a client that disconnected is no error, and gets no answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and end quietly where the client went away."""
        with suppress(ClientDisconnect):
            await self._app(scope, receive, send)
