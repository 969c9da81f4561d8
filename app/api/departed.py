"""Clients that left before they were answered."""

from __future__ import annotations

from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send


class Departed:
    """ASGI middleware: a client that has left is no error, and gets no answer.

    Whoever observes the request sees that no answer began.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and end quietly where the client went away."""
        with suppress(ClientDisconnect):
            await self._app(scope, receive, send)
