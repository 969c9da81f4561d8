"""The worker: claims transfers from the table, one after the other, and sees each through."""

from __future__ import annotations

import logging
import threading

from app.domain.transfers import Transfer
from app.engines.local import LocalEngine
from app.services.checkpoint_folders import drop_checkpoints
from app.settings import Settings
from app.store import leases
from app.store.database import open_database, session_factory
from app.store.migrate import require_migrated
from app.worker.attend import attend
from app.worker.identity import worker_name
from app.worker.recovery import recover
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)
_RUN_TRANSFER = "app.services.run_transfer:run_transfer"
_REST_AFTER_AN_ERROR = 1.0


def run_worker(settings: Settings, stop: threading.Event, target: str = _RUN_TRANSFER) -> None:
    """Work until `stop` is set; then the child at work is stopped and its transfer handed back.

    Raises `MigrationsPending` at the start. Later errors (a database that went away) are
    logged, and the worker goes on.
    """
    require_migrated(settings.url)
    database = open_database(settings.url)
    place = Workplace(
        settings=settings,
        writing=session_factory(database),
        reading=session_factory(database, reads_only=True),
        engine=LocalEngine(),
        target=target,
        stop=stop,
    )
    name = worker_name()
    _log.info("worker %s waits for transfers", name)
    try:
        recover(place)
        _tidy(place)
        while not stop.is_set():
            _work_once(name, place)
    finally:
        database.dispose()


def _work_once(name: str, place: Workplace) -> None:
    try:
        transfer = _claim(name, place)
        if transfer is None:
            place.stop.wait(place.settings.poll_seconds)
        else:
            attend(transfer, place)
            _tidy(place)
    except Exception:
        _log.exception("the worker goes on after an error")
        place.stop.wait(_REST_AFTER_AN_ERROR)


def _tidy(place: Workplace) -> None:
    with place.reading() as session:
        drop_checkpoints(place.settings, session)


def _claim(name: str, place: Workplace) -> Transfer | None:
    settings = place.settings
    with place.writing() as session:
        claimed = leases.claim(session, name, settings.lease_seconds, settings.max_attempts)
        session.commit()
    return claimed
