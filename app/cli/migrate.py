"""`babelport migrate`: bring the database to the newest revision."""

from __future__ import annotations

from app.cli.steps import step
from app.settings import settings


def migrate() -> None:
    """Create or upgrade the tables of the database (BABELPORT_DATABASE_URL, or SQLite)."""
    from app.store.migrate import upgrade

    chosen = settings()
    chosen.data_dir.mkdir(parents=True, exist_ok=True)
    with step("Migrating the database") as progress:
        upgrade(chosen.url)
        progress(1.0)
