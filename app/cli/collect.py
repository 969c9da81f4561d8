"""`babelport collect`: delete bytes that no record needs."""

from __future__ import annotations

from typing import Annotated

import typer

from app.settings import settings


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
    from app.services.collect_artifacts import collect_artifacts
    from app.services.context import open_context
    from app.store.migrate import require_migrated

    chosen = settings()
    require_migrated(chosen.url)
    context = open_context(chosen)
    age = chosen.collect_after_seconds if older_than is None else older_than
    found = collect_artifacts(context, age, dry_run)
    for digest in found:
        typer.echo(digest)
    typer.echo(f"{len(found)} {'to delete' if dry_run else 'deleted'}.", err=True)
