"""`babelport api`: serve the HTTP API."""

from __future__ import annotations

import gc
import threading
from types import FrameType
from typing import Annotated

import typer
import uvicorn

from app.settings import settings
from app.telemetry.logs import configure_logs


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
        # Its lines go where ours go, and ours has one for each request.
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
