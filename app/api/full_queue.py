"""Refusing predictions before anything is done for them, while the queue is full."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.errors import overloaded
from app.api.terms import KEY_HEADER
from app.domain.errors.predictions import QueueFull
from app.serving.admission import Admission

_KEY = KEY_HEADER.lower().encode()
_ENDS = ("/predict", "/infer")


class FullQueue:
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
                self._admission.check(_key(scope))
            except QueueFull as full:
                await overloaded(scope["path"], full)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _asks_for_predictions(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith(_ENDS)


def _key(scope: Scope) -> str:
    found = next((value for name, value in scope["headers"] if name == _KEY), b"")
    return str(found.decode("latin-1"))
