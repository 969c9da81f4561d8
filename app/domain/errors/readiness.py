"""Errors about a service that runs, but cannot work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from app.domain.errors import Unavailable
from app.domain.readiness import Check


class DatabaseUnreachable(Unavailable):
    """The database does not answer."""

    code = "database-unreachable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The database does not answer ({reason}).",
            "Check that it runs and that BABELPORT_DATABASE_URL names it.",
            reason=reason,
        )


class DatabaseBusy(Unavailable):
    """Every connection of this process to the database is in use."""

    code = "database-busy"

    def __init__(self) -> None:
        super().__init__(
            "Every connection to the database is in use.",
            "Send the request again in a moment; if it happens often, raise "
            "BABELPORT_DATABASE_CONNECTIONS or start another process of the API.",
        )


class NotReady(Unavailable):
    """A part that requests need does not work."""

    code = "not-ready"

    def __init__(self, checks: Sequence[Check]) -> None:
        broken = [one for one in checks if not one.ok]
        super().__init__(
            f"Not ready: {'; '.join(f'{one.name} ({one.detail})' for one in broken)}.",
            "Ask again in a moment; if it stays so, look into the service's log.",
            checks=[asdict(one) for one in checks],
        )
