"""`babelport worker`: carry out transfers."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType

import typer

from app.domain.errors import BabelportError
from app.settings import settings
from app.worker.run_worker import run_worker


def worker() -> None:
    """Carry out queued transfers until SIGTERM or Ctrl-C; what is at work is queued again."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    try:
        run_worker(settings(), stop)
    except BabelportError as error:
        typer.echo(f"{error.message} {error.advice}", err=True)
        raise typer.Exit(1) from error
