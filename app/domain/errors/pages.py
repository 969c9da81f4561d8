"""Errors about pages of lists."""

from __future__ import annotations

from app.domain.errors import InvalidInput


class CursorUnknown(InvalidInput):
    """A page was asked for by a cursor that this service never gave."""

    code = "cursor-unknown"

    def __init__(self, cursor: str) -> None:
        super().__init__(
            "The cursor is not one that a list of this service gave.",
            "Take next_cursor of the previous page unchanged, or leave it out for the first page.",
            cursor=cursor[:200],
        )
