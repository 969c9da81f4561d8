"""Errors about methods."""

from __future__ import annotations

from app.domain.errors import NotFound, TransferFailed


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


class HeadNotRegression(TransferFailed):
    """The strategy `logistic` needs a head that is one linear layer."""

    code = "head-not-regression"

    def __init__(self) -> None:
        super().__init__(
            "The strategy `logistic` fits a head that is one linear layer on one vector of each "
            "input; this model's head is another.",
            "Choose the strategy `head`, which trains any head.",
        )
