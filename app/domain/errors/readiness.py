"""Errors about a service that runs, but cannot work."""

from __future__ import annotations

from app.domain.errors import Unavailable


class DatabaseUnreachable(Unavailable):
    """The database does not answer."""

    code = "database-unreachable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database does not answer ({reason}).",
            "Check that it runs and that BABELPORT_DATABASE_URL names it.",
            reason=reason,
        )
