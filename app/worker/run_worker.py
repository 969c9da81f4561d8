"""The worker: claims transfers from the table, one for each of its slots, and sees each through."""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import DBAPIError

from app.domain.transfers import Transfer
from app.services.checkpoint_folders import drop_checkpoints
from app.settings import Settings
from app.store import leases
from app.store.database import open_database, session_factory
from app.store.migrate import require_migrated
from app.worker.attend import attend
from app.worker.engine_for import engine_for
from app.worker.housekeeping import keep_house
from app.worker.identity import worker_name
from app.worker.recovery import recover
from app.worker.slots import Slot, slots
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)
_RUN_TRANSFER = "app.services.run_transfer:run_transfer"
_REST_AFTER_AN_ERROR = 1.0


def run_worker(settings: Settings, stop: threading.Event, target: str = _RUN_TRANSFER) -> None:
    """Work until `stop` is set; then every child at work saves its state and is handed back.

    Raises `MigrationsPending` and `EngineUnfit` at the start. Later errors (a database that went
    away) are logged, and the worker goes on.
    """
    require_migrated(settings.url)
    database = open_database(settings.url)
    place = Workplace(
        settings=settings,
        writing=session_factory(database),
        reading=session_factory(database, reads_only=True),
        engine=engine_for(settings),
        target=target,
        stop=stop,
    )
    try:
        recover(place)
        _tidy(place)
        _work_in_every_slot(place)
    finally:
        database.dispose()


def _work_in_every_slot(place: Workplace) -> None:
    name, found = worker_name(), slots(place.settings)
    _log.info("worker %s waits for transfers, %s at once", name, len(found))
    threads = [threading.Thread(target=_work, args=(name, slot, place)) for slot in found]
    threads.append(threading.Thread(target=keep_house, args=(place,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(name: str, slot: Slot, place: Workplace) -> None:
    while not place.stop.is_set():
        try:
            _work_once(name, slot, place)
        except DBAPIError as error:
            _log.warning("the database does not answer: %s", type(error).__name__)
            place.stop.wait(_REST_AFTER_AN_ERROR)
        except Exception:
            _log.exception("the worker goes on after an error")
            place.stop.wait(_REST_AFTER_AN_ERROR)


def _work_once(name: str, slot: Slot, place: Workplace) -> None:
    transfer = _claim(name, place)
    if transfer is None:
        place.stop.wait(place.settings.poll_seconds)
    else:
        attend(transfer, place, slot)
        _tidy(place)


def _tidy(place: Workplace) -> None:
    with place.reading() as session:
        drop_checkpoints(place.settings, session)


def _claim(name: str, place: Workplace) -> Transfer | None:
    settings = place.settings
    with place.reading() as session:
        if not leases.anything_waits(session):
            return None
    with place.writing.begin() as session:
        return leases.claim(session, name, settings.lease_seconds, settings.max_attempts)
