"""A route that is given the request as it is."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute


class DirectRoute(APIRoute):
    """Calls an endpoint `async def (request: Request) -> Response` without looking at it.

    The framework takes longer to find the arguments of a prediction's endpoint than all else does
    that is not computing; such an endpoint reads them itself and describes them by
    `openapi_extra`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint itself."""
        endpoint: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return endpoint
