"""Errors about the database as a whole."""

from __future__ import annotations

from app.domain.errors import Unavailable


class MigrationsPending(Unavailable):
    """The database has not the tables that this version of the service needs."""

    code = "migrations-pending"

    def __init__(self, found: str | None, needed: str) -> None:
        standing = f"stands at revision {found}" if found else "is empty"
        super().__init__(
            f"The database {standing}, but this version of Babelport needs revision {needed}.",
            "Run `babelport migrate`, then start again.",
            found=found,
            needed=needed,
        )


class MigrationsMissing(Unavailable):
    """The folder of migrations does not lie where this installation expects it."""

    code = "migrations-missing"

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"There is no folder of migrations at {folder}.",
            "Install Babelport from its source tree (`pip install -e .`), migrations included.",
            folder=folder,
        )
