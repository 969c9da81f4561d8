"""A batch prediction from its first row to its record; runs in a process of its own."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from sqlalchemy.orm import Session

from app.domain.batch_predictions import BatchPrediction
from app.domain.errors import BabelportError
from app.domain.errors.transfers import LeaseLost
from app.domain.lesser_jobs import JobState
from app.learn.monitor import Cancelled
from app.services.artifact_lifetime import publish
from app.services.batch_predictions import find_batch_prediction
from app.services.batch_work import answer_dataset
from app.services.context import Context, open_context
from app.services.running.failures import is_for_good, understood
from app.services.running.stopping import Stopping, stopping_by_signal
from app.services.running.together import leads
from app.settings import settings
from app.store.batch_predictions import LEASES, begin
from app.store.patience import patiently

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN_WRITES = 0.5


def predict_batch(batch_prediction_id: str, attempt: int) -> None:
    """Carry out one attempt of a batch prediction and record how it ended.

    Success is one transaction, with the results' digest. A failure is recorded with its code and
    advice; what another attempt may overcome lets the job wait again. A job that was cancelled,
    that should stop, or that another attempt holds by now, ends without a word.
    """
    context = open_context(settings())
    patience = context.settings.database_patience_seconds
    batch = patiently(
        context.readers, lambda s: find_batch_prediction(s, batch_prediction_id), patience
    )
    # Several Ray workers share the training of transfers; here one does it all.
    if not leads() or batch.attempt != attempt:
        return
    try:
        with stopping_by_signal() as stopping, context.artifacts.workspace() as workspace:
            note = _Noted(context, batch, stopping)
            answer_dataset(context, batch, note, workspace / "results.parquet")
            _record(context, batch, workspace / "results.parquet")
    except (Cancelled, LeaseLost):
        _log.info("attempt %s of %s ends: it was stopped, or is not held", attempt, batch.id)
    except Exception as error:
        foreseen = isinstance(error, BabelportError)
        _log.warning("%s failed: %s", batch.id, error, exc_info=not foreseen)
        _record_failure(context, batch, error)


class _Noted:
    """Writes how far the job is, at most every half second; raises `Cancelled` to end it."""

    def __init__(self, context: Context, batch: BatchPrediction, stopping: Stopping) -> None:
        self._context = context
        self._batch = batch
        self._stopping = stopping
        self._written = float("-inf")

    def __call__(self, rows_done: int) -> None:
        if self._stopping.asked():
            raise Cancelled
        present, last = time.monotonic(), rows_done == self._batch.rows
        if not last and present - self._written < _SECONDS_BETWEEN_WRITES:
            return
        self._written = present
        id, attempt = self._batch.id, self._batch.attempt

        def write(session: Session) -> None:
            begin(session, id, attempt)
            LEASES.write(session, id, attempt, {"rows_done": rows_done})

        patiently(self._context.sessions, write, self._context.settings.database_patience_seconds)


def _record(context: Context, batch: BatchPrediction, file: Path) -> None:
    made = {"size_bytes": file.stat().st_size, "rows_done": batch.rows, "failure": None}

    def record(session: Session) -> None:
        [digest] = publish(context, session, [file])
        ended = made | {"results_sha256": digest}
        LEASES.end(session, batch.id, batch.attempt, JobState.SUCCEEDED, ended)

    patiently(context.sessions, record, context.settings.database_patience_seconds)


def _record_failure(context: Context, batch: BatchPrediction, error: Exception) -> None:
    id, attempt, limits = batch.id, batch.attempt, context.settings
    failure = understood(error).as_dict()

    def record(session: Session) -> None:
        if is_for_good(error):
            LEASES.end(session, id, attempt, JobState.FAILED, {"failure": failure})
        else:
            LEASES.lose(session, id, attempt, failure, limits.max_attempts)

    try:
        patiently(context.sessions, record, limits.database_patience_seconds)
    except LeaseLost:
        _log.info("%s is not held by attempt %s any more", id, attempt)
