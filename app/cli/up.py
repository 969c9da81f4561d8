"""`babelport up`: the whole service from one command."""

from __future__ import annotations

import time

import typer

from app.cli.migrate import migrate
from app.cli.running import Service, running_service
from app.domain.errors.service import ServiceNotReady
from app.settings import settings


def up() -> None:
    """Migrate, start the API and a worker, and keep them running until Ctrl-C.

    It listens on BABELPORT_HOST and BABELPORT_PORT (127.0.0.1 and 8000 by default) and keeps its
    files in BABELPORT_DATA_DIR. app/settings.py lists all settings.
    """
    migrate()
    with running_service(settings(), logs=None) as service:
        typer.echo(f"Babelport answers at {service.url}; {service.url}/docs describes its API.")
        try:
            _watch(service)
        except KeyboardInterrupt:
            typer.echo("Stopping.")


def _watch(service: Service) -> None:
    while (part := service.ended()) is None:
        time.sleep(0.5)
    raise ServiceNotReady(part, "")
