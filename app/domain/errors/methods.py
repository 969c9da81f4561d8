"""Errors about methods."""

from __future__ import annotations

from app.domain.errors import NotFound


class MethodUnknown(NotFound):
    """No method is called that."""

    code = "method-unknown"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"There is no method called {name!r}.",
            f"Choose one of: {', '.join(known)}. GET /v1/methods describes them.",
            name=name,
            known=list(known),
        )
