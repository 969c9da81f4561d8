"""`babelport worker`: carry out transfers."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from app.settings import settings
from app.telemetry.logs import configure_logs


def worker() -> None:
    """Carry out queued transfers until SIGTERM or Ctrl-C; what is at work is queued again."""
    from app.worker.run_worker import run_worker

    configure_logs(settings().log_format)
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    run_worker(settings(), stop)
