"""The outermost ASGI layer: every request gets an id, a line in the log and a count."""

from __future__ import annotations

import logging
import time

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.telemetry.http_metrics import HttpMetrics
from app.telemetry.printable import printable
from app.telemetry.request_ids import HEADER, current_request_id, request_id_of

_LOGGER = logging.getLogger("babelport.access")
# Asked every few seconds by machines: worth a line only when they fail.
_PROBES = frozenset({"/health", "/ready", "/metrics"})
# nginx's word for a client that left before it was answered.
_LEFT = 499


def observe(app: FastAPI, registry: CollectorRegistry, access_log: bool) -> None:
    """Observe every request of `app`, and make its metrics known in `registry`.

    Middleware that the framework adds lies within its handler of unexpected errors, whose answers
    would go unseen; this lies around it.
    """
    build, metrics = app.build_middleware_stack, HttpMetrics(registry)
    app.build_middleware_stack = (  # type: ignore[method-assign]
        lambda: Observed(build(), metrics, access_log)
    )


class Observed:
    """Wraps the whole application, its handler of unexpected errors included."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, access_log: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, then tell of it; an answer that never began counts as one the client left."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), _LEFT
        id = request_id_of(scope["headers"])
        given = current_request_id.set(id)

        async def identified(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, identified)
        finally:
            self._tell(scope, status, time.perf_counter() - started)
            current_request_id.reset(given)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None)
        self._metrics.observe(scope["method"], route, status, seconds)
        if self._access_log and (route not in _PROBES or status >= 400):
            _LOGGER.info(
                "%s %s %s in %.1f ms",
                scope["method"],
                printable(scope["path"]),
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
