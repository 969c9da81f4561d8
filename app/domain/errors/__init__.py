"""The families of errors; the leaves stand beside them, one file per noun.

A leaf carries fields, builds its own message and tells the user what to do next. HTTP statuses
live in `app/api/errors.py` alone.
"""

from __future__ import annotations

from typing import Any, ClassVar


class BabelportError(Exception):
    """The root: a stable `code`, a `message` of what happened, an `advice` of what to do next."""

    code: ClassVar[str] = "internal-error"

    def __init__(self, message: str, advice: str, **fields: Any) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.fields = fields

    def as_dict(self) -> dict[str, Any]:
        """`code`, `message`, `advice` and `fields`, ready for JSON."""
        return {
            "code": self.code,
            "message": self.message,
            "advice": self.advice,
            "fields": self.fields,
        }


class InvalidInput(BabelportError):
    """What the user sent cannot be used as it is."""

    code = "invalid-input"


class RejectedFile(InvalidInput):
    """An upload that was read in a child process and cannot become a Model or a Dataset."""

    code = "rejected-file"


class NotFound(BabelportError):
    """Nothing by that name or id."""

    code = "not-found"


class Conflict(BabelportError):
    """The request is sound, but the present state forbids it."""

    code = "conflict"


class PreconditionFailed(BabelportError):
    """What the request was made for has changed since its sender looked."""

    code = "precondition-failed"


class TooLarge(BabelportError):
    """The upload is over a limit of the settings."""

    code = "too-large"


class Unavailable(BabelportError):
    """A part of the service cannot answer just now; the same request may succeed later."""

    code = "unavailable"


class Overloaded(BabelportError):
    """There is more to do than can be done in time; `retry_after` says in how many seconds."""

    code = "overloaded"

    def __init__(self, message: str, advice: str, retry_after: int, **fields: Any) -> None:
        super().__init__(message, advice, retry_after=retry_after, **fields)
        self.retry_after = retry_after


class TooLate(BabelportError):
    """The time that the asker gave is over."""

    code = "too-late"


class BytesLost(BabelportError):
    """What the store holds is not, or not any more, what was put into it."""

    code = "bytes-lost"


class NoSpace(BabelportError):
    """The service has no room for what it should keep."""

    code = "no-space"


class TransferFailed(BabelportError):
    """A transfer cannot be completed; recorded on the transfer, never an HTTP status."""

    code = "transfer-failed"
