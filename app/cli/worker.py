"""`babelport worker`: carry out transfers."""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType

from app.settings import settings


def worker() -> None:
    """Carry out queued transfers until SIGTERM or Ctrl-C; what is at work is queued again."""
    from app.worker.run_worker import run_worker

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    run_worker(settings(), stop)
