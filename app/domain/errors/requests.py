"""Errors about requests that do not have the form that the API's description tells."""

from __future__ import annotations

from app.domain.errors import InvalidInput


class RequestInvalid(InvalidInput):
    """Fields of a request are missing, unknown or of another type; each with where and why."""

    code = "request-invalid"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__(
            "; ".join(f"{found['field']}: {found['message']}" for found in errors),
            "Compare the request with the API's description at /docs.",
        )
        self.errors = errors

    def as_dict(self) -> dict[str, object]:
        """As of every error, but that its fields are a list."""
        return super().as_dict() | {"fields": self.errors}
