"""The worker: claims transfers from the table, one for each of its slots, and sees each through.

A slot for which no transfer waits does a lesser job meanwhile.
"""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from app.services.checkpoint_folders import drop_checkpoints
from app.services.context import open_context
from app.settings import Settings
from app.store.migrate import require_migrated
from app.worker.attend import attend
from app.worker.attend_lesser import attend_lesser
from app.worker.engine_for import engine_for
from app.worker.housekeeping import keep_house
from app.worker.identity import worker_name
from app.worker.lesser_jobs import LesserJobs
from app.worker.lesser_kinds import KINDS, LesserKind
from app.worker.recovery import recover
from app.worker.slots import Slot, slots
from app.worker.waiting_transfers import WaitingTransfers
from app.worker.workplace import Workplace

_log = logging.getLogger(__name__)
_RUN_TRANSFER = "app.services.run_transfer:run_transfer"
_REST_AFTER_AN_ERROR = 1.0


def run_worker(
    settings: Settings,
    stop: threading.Event,
    target: str = _RUN_TRANSFER,
    lesser_kinds: tuple[LesserKind, ...] = KINDS,
) -> None:
    """Work until `stop` is set; then every child at work saves its state and is handed back.

    Raises `MigrationsPending` and `EngineUnfit` at the start. Later errors (a database that went
    away) are logged, and the worker goes on.
    """
    require_migrated(settings.url)
    context = open_context(settings)
    place = Workplace(context, engine_for(settings), target, stop, lesser_kinds)
    try:
        recover(place)
        drop_checkpoints(context)
        _work_in_every_slot(place)
    finally:
        context.close()


def _work_in_every_slot(place: Workplace) -> None:
    name, found = worker_name(), slots(place.context.settings)
    _log.info("worker %s waits for transfers, %s at once", name, len(found))
    threads = [threading.Thread(target=_work, args=(name, slot, place)) for slot in found]
    threads.append(threading.Thread(target=keep_house, args=(place,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(name: str, slot: Slot, place: Workplace) -> None:
    transfers, lesser_jobs = WaitingTransfers(name, place), LesserJobs(name, place)
    # One that was taken just before the stop is handed back like any other at work.
    while transfers.taken or not place.stop.is_set():
        try:
            _work_once(slot, place, transfers, lesser_jobs)
        except (DBAPIError, NoConnectionFree) as error:
            _log.warning("the database does not answer: %s", type(error).__name__)
            place.stop.wait(_REST_AFTER_AN_ERROR)
        except Exception:
            _log.exception("the worker goes on after an error")
            place.stop.wait(_REST_AFTER_AN_ERROR)


def _work_once(
    slot: Slot, place: Workplace, transfers: WaitingTransfers, lesser_jobs: LesserJobs
) -> None:
    if transfer := transfers.claim():
        attend(transfer, place, slot)
        drop_checkpoints(place.context)
    elif held := lesser_jobs.claim():
        attend_lesser(held, place, slot, transfers)
        drop_checkpoints(place.context)
    else:
        place.stop.wait(place.context.settings.poll_seconds)
