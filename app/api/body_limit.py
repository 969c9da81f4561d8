"""Limits on request bodies that are read into memory; multipart forms have their own."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Routes that read large bodies in threads. All others are parsed by the framework, on the event
# loop, where everybody waits.
_LARGE = ("/predict", "/infer", "/v1/transfers")
_SMALL_BYTES = 1024 * 1024


class BodyLimit:
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
        large = scope["path"].endswith(_LARGE)
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
