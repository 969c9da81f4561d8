"""`babelport prune`: drop what is older than it is kept."""

from __future__ import annotations

import typer

from app.cli.steps import step
from app.settings import settings


def prune() -> None:
    """Drop old events, attempts, logs, predictions and keys now, and give the room back.

    A worker drops the same every hour. How long each is kept: BABELPORT_KEEP_..._DAYS. On SQLite
    the file is then written anew without its gaps, which keeps writers out meanwhile; PostgreSQL
    does so by itself (autovacuum).
    """
    from app.services.apply_retention import apply_retention
    from app.services.context import open_context
    from app.store.compact import compact
    from app.store.migrate import require_migrated

    require_migrated(settings().url)
    with step("Dropping what is old") as progress:
        dropped = apply_retention(open_context(settings()))
        progress(0.5)
        compact(settings().url)
        progress(1.0)
    typer.echo(", ".join(f"{count} {name}" for name, count in vars(dropped).items()))
