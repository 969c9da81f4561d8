"""What the children of the worker's tests do in place of a real background job."""

from __future__ import annotations

import os
import time
from pathlib import Path

from app.domain.models import Serving
from app.services.jobs import stop_on_sigterm
from app.settings import settings
from app.store import models
from app.store.database import open_database, session_factory


def finish(job_id: str, attempt: int) -> None:
    """Record success and end."""
    serving = Serving("made by the child", "float32", "A test.")
    with session_factory(open_database(settings().url)).begin() as session:
        models.finish_compilation(session, job_id, attempt, serving)


def finish_after_three_leases(job_id: str, attempt: int) -> None:
    """Take longer than a lease lasts."""
    time.sleep(3 * settings().lease_seconds)
    finish(job_id, attempt)


def work_for_ever(job_id: str, attempt: int) -> None:
    """Never end, but for the gentle way."""
    with stop_on_sigterm() as stopping:
        _touch(f"{job_id}-at-work")
        while not stopping.is_set():
            time.sleep(0.02)
    _touch(f"{job_id}-ended")


def die(job_id: str, attempt: int) -> None:
    """End without a word."""
    os._exit(3)


def _touch(name: str) -> None:
    Path(settings().data_dir / name).touch()
