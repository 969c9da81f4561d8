"""Requests for predictions: their headers, routes without parsing, an end on disconnect."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from app.domain.errors.predictions import TimeoutUnusable
from app.domain.predictions import DEFAULT_OPTIONS, PredictionOptions

KEY_HEADER = "X-Babelport-Key"
TIMEOUT_HEADER = "X-Babelport-Timeout-Ms"
ROUTE_KEY_HEADER = "X-Babelport-Route-Key"
MAX_KEY_LENGTH = 200
_HEADER_PREFIX = b"x-babelport-"
_NAMES = tuple(
    name.lower().encode().removeprefix(_HEADER_PREFIX)
    for name in (KEY_HEADER, TIMEOUT_HEADER, ROUTE_KEY_HEADER)
)
_SCOPE_KEY = "babelport.prediction_options"  # the key in the scope for what was read
Result = TypeVar("Result")


def options_of(scope: Scope) -> PredictionOptions:
    """By the headers KEY_HEADER, TIMEOUT_HEADER and ROUTE_KEY_HEADER; raises `TimeoutUnusable`.

    They are read once for each request, and its time runs from then.
    """
    known: PredictionOptions | None = scope.get(_SCOPE_KEY)
    if known is None:
        known = scope[_SCOPE_KEY] = _read(scope["headers"])
    return known


def _read(headers: list[tuple[bytes, bytes]]) -> PredictionOptions:
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name.startswith(_HEADER_PREFIX):
            found.setdefault(name[len(_HEADER_PREFIX) :], value.decode("latin-1"))
    if not found:
        return DEFAULT_OPTIONS
    key, timeout, route_key = map(found.get, _NAMES)
    deadline = None if timeout is None else time.monotonic() + _milliseconds(timeout) / 1000
    return PredictionOptions(
        (key or "")[:MAX_KEY_LENGTH], deadline, (route_key or "")[:MAX_KEY_LENGTH]
    )


def _milliseconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise TimeoutUnusable(value) from None
    if not (math.isfinite(number) and number > 0):
        raise TimeoutUnusable(value)
    return number


class DirectRoute(APIRoute):
    """Calls an endpoint `async def (request: Request) -> Response` without dependency injection.

    The framework takes longer to find the arguments of a prediction's endpoint than everything
    else that is not computing; such an endpoint reads them itself and describes them by
    `openapi_extra`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`; it is cancelled when the client disconnects (`ClientDisconnect`).

    The request's body must have been read.
    """
    # The work stays in this task: a task of its own costs as much as all of the rest.
    task = asyncio.current_task()
    assert task is not None
    disconnected = False

    def cancel(watcher: asyncio.Task[None]) -> None:
        nonlocal disconnected
        if not watcher.cancelled():
            disconnected = True
            task.cancel()

    watcher = asyncio.create_task(_wait_for_disconnect(request))
    watcher.add_done_callback(cancel)
    try:
        return await work
    except asyncio.CancelledError:
        # Whoever cancels this task for another reason is to see it cancelled.
        if disconnected and task.uncancel() == 0:
            raise ClientDisconnect from None
        raise
    finally:
        watcher.remove_done_callback(cancel)
        watcher.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
