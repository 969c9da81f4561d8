"""`babelport api`: serve the HTTP API."""

from __future__ import annotations

from typing import Annotated

import typer

from app.settings import settings

_SHUTDOWN_SECONDS = 5


def api(
    host: Annotated[str | None, typer.Option(help="Address; BABELPORT_HOST by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; BABELPORT_PORT by default.")] = None,
) -> None:
    """Serve the HTTP API until interrupted."""
    import uvicorn

    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=host or settings().host,
        port=port or settings().port,
        # Event streams stay open for as long as a transfer runs; a stop must not wait for them.
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
