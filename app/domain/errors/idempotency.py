"""Errors about Idempotency-Keys."""

from __future__ import annotations

from app.domain.errors import Conflict


class KeyReused(Conflict):
    """An Idempotency-Key came with another request than the first time."""

    code = "idempotency-key-reused"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The Idempotency-Key {key!r} belongs to another request.",
            "Send a fresh key with each new request.",
            key=key,
        )


class KeyTaken(Conflict):
    """The same request came twice at once, and the other one was answered first."""

    code = "idempotency-key-taken"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Another request with the Idempotency-Key {key!r} was answered at this moment.",
            "Send the request again to get the same answer.",
            key=key,
        )
