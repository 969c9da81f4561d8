"""`babelport migrate`, `starter`, `prune` and `collect`: set up and tidy what is kept."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.progress import step
from app.settings import settings


def migrate() -> None:
    """Create or upgrade the tables of the database (BABELPORT_DATABASE_URL, or SQLite)."""
    from app.store.migrations import upgrade

    chosen = settings()
    chosen.data_dir.mkdir(parents=True, exist_ok=True)
    with step("Migrating the database") as progress:
        upgrade(chosen.url)
        progress(1.0)


def starter() -> None:
    """Build the multilingual starter encoder, once, and print its folder."""
    from app.formats.starter_encoder import starter_encoder

    with step("Building the starter encoder") as progress:
        folder = starter_encoder(settings().data_dir, progress)
    typer.echo(folder)


def prune() -> None:
    """Drop old events, attempts, logs, predictions and keys now, and give the room back.

    A worker drops the same every hour. How long each is kept: BABELPORT_KEEP_..._DAYS. On SQLite
    the file is then written anew without its gaps, which keeps writers out meanwhile; PostgreSQL
    does so by itself (autovacuum).
    """
    from app.services.context import open_context
    from app.services.retention import apply_retention
    from app.store.database import compact
    from app.store.migrations import require_migrated

    require_migrated(settings().url)
    with step("Dropping what is old") as progress:
        dropped = apply_retention(open_context(settings()))
        progress(0.5)
        compact(settings().url)
        progress(1.0)
    typer.echo(", ".join(f"{count} {name}" for name, count in vars(dropped).items()))


def collect(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list them.")] = False,
    older_than: Annotated[
        float | None,
        typer.Option(
            help="Spare what was stored less than so many seconds ago; "
            "BABELPORT_COLLECT_AFTER_SECONDS where this is not given.",
            min=0,
        ),
    ] = None,
) -> None:
    """Delete stored bytes whose record never came or is gone; prints each SHA-256.

    Workers do the same once an hour. It is safe while the service runs.
    """
    from app.services.artifacts import collect_artifacts
    from app.services.context import open_context
    from app.store.migrations import require_migrated

    chosen = settings()
    require_migrated(chosen.url)
    context = open_context(chosen)
    age = chosen.collect_after_seconds if older_than is None else older_than
    found = collect_artifacts(context, age, dry_run)
    for digest in found:
        typer.echo(digest)
    typer.echo(f"{len(found)} {'to delete' if dry_run else 'deleted'}.", err=True)
