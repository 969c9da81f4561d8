"""The worker: claims jobs for each of its slots, supervises each, and cleans up every hour.

A slot takes a job of the first kind that has one: transfers, then what is done in the background.
"""

from __future__ import annotations

import logging
import threading

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from app.services.artifacts import collect_artifacts
from app.services.context import open_context
from app.services.jobs import drop_checkpoints
from app.services.retention import apply_retention
from app.settings import Settings
from app.store.migrations import require_migrated
from app.worker.claiming import Claims
from app.worker.context import Slot, WorkerContext, engine_for, slots
from app.worker.job_kinds import KINDS, JobKind
from app.worker.recovery import recover, worker_name
from app.worker.supervisor import supervise

_log = logging.getLogger(__name__)
_REST_AFTER_AN_ERROR = 1.0
_EVERY_SECONDS = 3600.0


def run_worker(
    settings: Settings, stop: threading.Event, kinds: tuple[JobKind, ...] = KINDS
) -> None:
    """Work until `stop` is set; then every child at work saves its state and is handed back.

    Raises `MigrationsPending` and `EngineUnfit` at the start. Later errors (a database that went
    away) are logged, and the worker goes on.
    """
    require_migrated(settings.url)
    service = open_context(settings)
    context = WorkerContext(service, engine_for(settings), stop, kinds)
    try:
        recover(context)
        drop_checkpoints(service)
        _work_in_every_slot(context)
    finally:
        service.close()


def clean_up_hourly(context: WorkerContext) -> None:
    """Apply retention and collect artifacts at once and then every hour, until the worker stops."""
    service = context.service
    while True:
        try:
            _log.info("retention: %s", apply_retention(service, context.stop))
            found = collect_artifacts(service, context.settings.collect_after_seconds)
            _log.info("deleted %s artifacts that no record needs", len(found))
        except Exception:
            _log.exception("retention and collection are tried again in an hour")
        if context.stop.wait(_EVERY_SECONDS):
            return


def _work_in_every_slot(context: WorkerContext) -> None:
    name, found = worker_name(), slots(context.settings)
    _log.info("worker %s waits for jobs, %s at once", name, len(found))
    threads = [threading.Thread(target=_work, args=(name, slot, context)) for slot in found]
    threads.append(threading.Thread(target=clean_up_hourly, args=(context,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(name: str, slot: Slot, context: WorkerContext) -> None:
    claims = Claims(name, context)
    # One that was taken just before the stop is handed back like any other at work.
    while claims.taken or not context.stop.is_set():
        try:
            _work_once(slot, context, claims)
        except (DBAPIError, NoConnectionFree) as error:
            _log.warning("the database does not answer: %s", type(error).__name__)
            context.stop.wait(_REST_AFTER_AN_ERROR)
        except Exception:
            _log.exception("the worker continues after an error")
            context.stop.wait(_REST_AFTER_AN_ERROR)


def _work_once(slot: Slot, context: WorkerContext, claims: Claims) -> None:
    if claimed := claims.next():
        supervise(*claimed, context, slot, claims)
        drop_checkpoints(context.service)
    else:
        context.stop.wait(context.settings.poll_seconds)
