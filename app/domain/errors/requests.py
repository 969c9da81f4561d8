"""Errors about requests that do not have the form that the API's description tells."""

from __future__ import annotations

from app.domain.errors import InvalidInput

_SHOWN = 5


class RequestInvalid(InvalidInput):
    """Fields of a request are missing, unknown or of another type.

    Each of `errors` has its `field`, a `message` (a sentence) and an `advice`.
    """

    code = "request-invalid"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        shown, more = errors[:_SHOWN], len(errors) - _SHOWN
        also = [f"{more} more field(s) are at fault."] if more > 0 else []
        super().__init__(
            " ".join([*(error["message"] for error in shown), *also]),
            " ".join(dict.fromkeys(error["advice"] for error in shown)),
        )
        self.errors = errors

    def as_dict(self) -> dict[str, object]:
        """As of every error, but that its fields are a list."""
        return super().as_dict() | {"fields": self.errors}
