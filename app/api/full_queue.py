"""Refusing predictions before anything is done for them, while the queue is full."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.refused import send_refusal
from app.api.terms import terms_of
from app.domain.errors.predictions import QueueFull, TimeoutUnusable
from app.serving.admission import Admission

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
                self._admission.check(terms_of(scope))
            except QueueFull as full:
                await send_refusal(send, scope["path"], full)
                return
            except TimeoutUnusable:
                pass  # the route says so in the form of its protocol
        await self._app(scope, receive, send)


def _asks_for_predictions(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "POST" and scope["path"].endswith(_ENDS)
