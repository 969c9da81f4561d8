"""`babelport up`: the whole service from one command."""

from __future__ import annotations

import time
from contextlib import ExitStack

import typer

from app.cli.migrate import migrate
from app.cli.running import Service, running_service
from app.cli.steps import step
from app.domain.errors.service import ServiceNotReady
from app.settings import settings


def up() -> None:
    """Migrate, start the API and a worker, and keep them running until Ctrl-C."""
    migrate()
    with ExitStack() as opened:
        with step("Starting the API and a worker") as progress:
            service = opened.enter_context(running_service(settings(), None, progress))
        typer.echo(f"Babelport answers at {service.url}; {service.url}/docs describes its API.")
        try:
            _watch(service)
        except KeyboardInterrupt:
            typer.echo("Stopping.")


def _watch(service: Service) -> None:
    while (part := service.ended()) is None:
        time.sleep(0.5)
    raise ServiceNotReady(part, "")
