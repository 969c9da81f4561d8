"""`babelport up`, `api` and `worker`: the whole service, or one of its two processes."""

from __future__ import annotations

import gc
import signal
import threading
import time
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from app.cli.maintenance import migrate
from app.cli.processes import RunningService, running_service
from app.domain.errors.service import ServiceNotReady
from app.settings import settings
from app.telemetry.logs import configure_logs


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


def _watch(service: RunningService) -> None:
    while (part := service.ended()) is None:
        time.sleep(0.5)
    raise ServiceNotReady(part, "")


def api(
    host: Annotated[str | None, typer.Option(help="Address; BABELPORT_HOST by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; BABELPORT_PORT by default.")] = None,
) -> None:
    """Serve the HTTP API until SIGTERM or Ctrl-C; requests at work are answered first."""
    from app.main import create_app

    chosen = settings()
    configure_logs(chosen.log_format)
    app = create_app(chosen)
    # What is here now stays. A full collection that looked at it would hold every request up for
    # a tenth of a second, each few thousand requests.
    gc.collect()
    gc.freeze()
    configuration = uvicorn.Config(
        app,
        # The service has its own log configuration, with a line for each request.
        log_config=None,
        access_log=False,
        host=host or chosen.host,
        port=port or chosen.port,
        timeout_graceful_shutdown=max(1, round(chosen.drain_seconds)),
    )
    _DrainingServer(configuration, app.state.draining).run()


class _DrainingServer(uvicorn.Server):
    """Tells the application that it should end, so that streams of events do."""

    def __init__(self, config: uvicorn.Config, draining: threading.Event) -> None:
        super().__init__(config)
        self._draining = draining

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal and begin to drain."""
        self._draining.set()
        super().handle_exit(sig, frame)


def worker() -> None:
    """Carry out queued jobs until SIGTERM or Ctrl-C; running ones are queued again."""
    from app.worker.run_worker import run_worker

    configure_logs(settings().log_format)
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    run_worker(settings(), stop)
