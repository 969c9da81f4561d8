"""What the children of the worker's tests do beside a real batch prediction."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from app.services.predict_batch import BatchParts, predict_batch
from app.settings import settings


def be_killed_between_parts(job_id: str, attempt: int) -> None:
    """The first attempt is killed when two parts are kept; the next one says what it keeps."""
    _at_each_part(lambda number: _kill_after(number, attempt))
    predict_batch(job_id, attempt)


def wait_between_parts(job_id: str, attempt: int) -> None:
    """The first attempt rests before its second part until it is ended."""
    _at_each_part(lambda number: _rest_after(number, attempt))
    predict_batch(job_id, attempt)


def _at_each_part(do: Callable[[int], None]) -> None:
    keep = BatchParts.keep

    def keep_and_tell(self: BatchParts, number: int, table: Any) -> None:
        keep(self, number, table)
        with (settings().data_dir / "kept").open("a") as file:
            file.write(f"{os.environ['BABELPORT_CHILD'].rpartition('-')[2]}:{number} ")
        do(number)

    BatchParts.keep = keep_and_tell  # type: ignore[method-assign]


def _kill_after(number: int, attempt: int) -> None:
    if attempt == 1 and number == 1:
        os.kill(os.getpid(), signal.SIGKILL)


def _rest_after(number: int, attempt: int) -> None:
    """SIGTERM interrupts the rest, and the child goes on until it looks whether it should end."""
    if attempt == 1 and number == 0:
        heard = threading.Event()
        before = signal.getsignal(signal.SIGTERM)

        def hear(*signalled: Any) -> None:
            heard.set()
            if callable(before):
                before(*signalled)

        signal.signal(signal.SIGTERM, hear)
        heard.wait()
