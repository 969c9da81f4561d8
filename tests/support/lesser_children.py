"""What the children of the worker's tests do in place of a real lesser job."""

from __future__ import annotations

import os
import time
from pathlib import Path

from app.domain.lesser_jobs import JobState
from app.services.running.stopping import stopping_by_signal
from app.settings import settings
from app.store.database import open_database, session_factory
from app.store.lesser_leases import LesserLeases
from app.store.lesser_tables import compilations


def finish(model_id: str, attempt: int) -> None:
    """Record success and end."""
    with session_factory(open_database(settings().url)).begin() as session:
        values = {"engine": "made by the child"}
        LesserLeases(compilations).end(session, model_id, attempt, JobState.SUCCEEDED, values)


def finish_after_three_leases(model_id: str, attempt: int) -> None:
    """Take longer than a lease lasts."""
    time.sleep(3 * settings().lease_seconds)
    finish(model_id, attempt)


def work_for_ever(model_id: str, attempt: int) -> None:
    """Never end, but for the gentle way."""
    with stopping_by_signal() as stopping:
        _touch(f"{model_id}-at-work")
        while not stopping.asked():
            time.sleep(0.02)
    _touch(f"{model_id}-ended")


def die(model_id: str, attempt: int) -> None:
    """End without a word."""
    os._exit(3)


def _touch(name: str) -> None:
    Path(settings().data_dir / name).touch()
