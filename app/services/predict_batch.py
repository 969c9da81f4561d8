"""A batch prediction carried out in its own process: every row predicted, one file of results."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy.orm import Session

from app.artifacts.disk import fsync_path
from app.domain.datasets import Dataset
from app.domain.errors.predictions import PredictionInputsGone
from app.domain.models import Servable
from app.domain.predictions import MOST_WINDOWS, BatchPrediction, Window
from app.formats.dataset_rows import PredictionRows, open_prediction_rows
from app.formats.prediction_tables import read_results_metadata, results_table, write_results
from app.learn.callbacks import Cancelled
from app.learn.data.examples import Inputs
from app.learn.tasks.contract import Objective, objective_for, require_finite
from app.learn.tasks.multi_label import MultiLabel
from app.runtimes.contract import Prepared, Runtime
from app.runtimes.open_runtime import open_runtime
from app.runtimes.windows import pool_windows, prepare_windows
from app.services.artifacts import publish
from app.services.batch_predictions import find_batch_prediction
from app.services.context import Context, open_context
from app.services.jobs import (
    carry_out,
    is_main_process,
    open_checkpoint_folder,
    stop_on_sigterm,
)
from app.services.models import servable_of
from app.services.transfers.inputs import match_channels
from app.settings import settings
from app.store import batch_predictions, datasets, models
from app.store.database import retry_on_disconnect

_SECONDS_BETWEEN_WRITES = 0.5
_BATCH_SIZE = 64


def predict_batch(job_id: str, attempt: int) -> None:
    """Carry out one attempt of a batch prediction and record how it ended.

    Success is one transaction, with the results' digest.
    """
    context = open_context(settings())
    retry_seconds = context.settings.database_patience_seconds
    batch = retry_on_disconnect(
        context.readers, lambda s: find_batch_prediction(s, job_id), retry_seconds
    )
    # Several Ray workers share the training of transfers; here one does it all.
    if not is_main_process() or batch.attempt != attempt:
        return

    def work() -> None:
        with stop_on_sigterm() as stopping, context.artifacts.workspace() as workspace:
            file = workspace / "results.parquet"
            predict_dataset(context, batch, _ProgressWriter(context, batch, stopping), file)
            _record(context, batch, file)

    carry_out(context, job_id, attempt, context.settings.max_attempts, work)


class _ProgressWriter:
    """Writes how far the job is, at most every half second; raises `Cancelled` to end it."""

    def __init__(self, context: Context, batch: BatchPrediction, stopping: threading.Event) -> None:
        self._context = context
        self._batch = batch
        self._stopping = stopping
        self._written = float("-inf")

    def __call__(self, rows_done: int) -> None:
        if self._stopping.is_set():
            raise Cancelled
        present, last = time.monotonic(), rows_done == self._batch.rows
        if not last and present - self._written < _SECONDS_BETWEEN_WRITES:
            return
        self._written = present
        id, attempt = self._batch.id, self._batch.attempt

        def write(session: Session) -> None:
            batch_predictions.record_rows_done(session, id, attempt, rows_done)

        retry_on_disconnect(
            self._context.sessions, write, self._context.settings.database_patience_seconds
        )


def _record(context: Context, batch: BatchPrediction, file: Path) -> None:
    size = file.stat().st_size

    def record(session: Session) -> None:
        [digest] = publish(context, session, [file])
        batch_predictions.succeed(session, batch.id, batch.attempt, digest, size)

    retry_on_disconnect(context.sessions, record, context.settings.database_patience_seconds)


@dataclass(frozen=True)
class _OpenedBatch:
    servable: Servable
    runtime: Runtime
    objective: Objective
    rows: Callable[[int, int], PredictionRows]
    metadata: dict[str, Any]


def predict_dataset(
    context: Context, batch: BatchPrediction, note: Callable[[int], None], file: Path
) -> None:
    """Ask about every row and write the results into `file`.

    Goes on behind the last part that earlier attempts kept. `note` gets the number of rows done
    after each part and may raise to end the work. Raises `PredictionInputsGone` when a record was
    deleted meanwhile, and `AnswerNotFinite`, which names rows.
    """
    opened = _open_batch(context, batch)
    parts = _open_parts(context, batch, opened.metadata)
    for number, start, end in parts.missing():
        note(start)
        rows = opened.rows(start, end)
        inputs = match_channels(rows.inputs, opened.servable.facts)
        probabilities, reading = predict_all(opened.runtime, opened.objective, inputs, batch.window)
        name = f"The model {opened.servable.name}"
        require_finite(probabilities, name, partial(_row_name, rows.numbers))
        windows = None if batch.window is None else reading.windows
        table = results_table(
            rows, probabilities, reading.truncated, opened.objective, opened.metadata, windows
        )
        parts.keep(number, table)
    note(batch.rows)
    parts.join(file)


def _row_name(numbers: Sequence[int], position: int) -> str:
    return f"row {numbers[position]}"


def _open_batch(context: Context, batch: BatchPrediction) -> _OpenedBatch:
    servable, dataset = retry_on_disconnect(
        context.readers, partial(_read_records, batch), context.settings.database_patience_seconds
    )
    if dataset.facts is None or dataset.sha256 is None:
        raise PredictionInputsGone([batch.dataset_id])
    runtime = open_runtime(context.settings, context.artifacts, servable)
    rows = open_prediction_rows(
        context.artifacts.path(dataset.sha256), dataset.facts, servable.facts
    )
    objective = objective_for(servable.facts.task, servable.facts.labels)
    return _OpenedBatch(
        servable, runtime, objective, rows, _result_metadata(servable, runtime, dataset.id)
    )


def _read_records(batch: BatchPrediction, session: Session) -> tuple[Servable, Dataset]:
    model, dataset = models.get(session, batch.model_id), datasets.get(session, batch.dataset_id)
    if model is None or dataset is None:
        raise PredictionInputsGone([batch.model_id if model is None else batch.dataset_id])
    return servable_of(session, model), dataset


def _result_metadata(servable: Servable, runtime: Runtime, dataset_id: str) -> dict[str, Any]:
    """What is kept with the results; parts of another engine are not mixed with these."""
    return {
        "model_id": servable.id,
        "model": f"{servable.name}@{servable.version}",
        "dataset_id": dataset_id,
        "labels": list(servable.facts.labels),
        "engine": runtime.engine,
        "precision": runtime.precision,
    }


def _open_parts(context: Context, batch: BatchPrediction, metadata: dict[str, Any]) -> BatchParts:
    folder, saved = open_checkpoint_folder(context, batch.id, batch.attempt)
    return BatchParts(folder, batch.rows, context.settings.batch_part_rows, metadata, saved)


class BatchParts:
    """Files `part-00000.parquet` and so on in `folder`, of `size` rows each but the last.

    `metadata` says what answered; parts that something else answered are not ours. A part appears
    by rename after it has reached the disk, so that a crash leaves it whole or not at all.
    `on_kept` gets each file after it was kept.
    """

    def __init__(
        self,
        folder: Path,
        rows: int,
        size: int,
        metadata: dict[str, Any],
        on_kept: Callable[[Path], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._rows = rows
        self._size = size
        self._metadata = metadata
        self._on_kept = on_kept

    def missing(self) -> Iterator[tuple[int, int, int]]:
        """Number, first row and end of each part behind the last of those that are whole."""
        number = 0
        while number < self._count and self._is_whole(number):
            number += 1
        for later in range(number, self._count):
            yield (later, *self._range(later))

    def keep(self, number: int, table: pa.Table) -> None:
        """Put a part on the disk."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(number)
        fresh = file.with_suffix(f".{os.getpid()}.part")
        try:
            write_results(fresh, [table])
            fsync_path(fresh)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        fresh.replace(file)
        fsync_path(self._folder)
        self._on_kept(file)

    def join(self, file: Path) -> None:
        """Write all parts into one file, of which no more than one is in memory."""
        write_results(file, (pq.read_table(self._file(n)) for n in range(self._count)))

    @property
    def _count(self) -> int:
        return -(-self._rows // self._size)

    def _range(self, number: int) -> tuple[int, int]:
        return number * self._size, min(self._rows, (number + 1) * self._size)

    def _is_whole(self, number: int) -> bool:
        start, end = self._range(number)
        file = self._file(number)
        if read_results_metadata(file) != self._metadata:
            return False
        found: int = pq.read_metadata(file).num_rows
        return found == end - start

    def _file(self, number: int) -> Path:
        return self._folder / f"part-{number:05}.parquet"


@dataclass(frozen=True)
class InputCoverage:
    """Whether only part of each input was read, and in how many windows."""

    truncated: list[bool]
    windows: list[int]


def predict_all(
    runtime: Runtime, objective: Objective, inputs: Inputs, window: Window | None = None
) -> tuple[np.ndarray, InputCoverage]:
    """Probabilities as `app.learn.inference.predict` gives them, in the order of `inputs`.

    With `window` long texts are read in windows, the first `MOST_WINDOWS` of them.

    Inputs of like cost share a batch. The same inputs are always put into the same batches.
    """
    read = prepare_windows(runtime, list(inputs), window.stride if window else None)
    rows = _run_batches(runtime, [one for windows in read for one in windows[:MOST_WINDOWS]])
    answers = np.zeros(objective.answer_shape(inputs), dtype=np.float32)
    end = 0
    for index, windows in enumerate(read):
        start, end = end, end + len(windows[:MOST_WINDOWS])
        one = rows[start]
        if window is not None and end - start > 1:
            one = pool_windows(rows[start:end], window.pool, isinstance(objective, MultiLabel))
        answers[index, : len(one)] = one
    truncated = [
        len(windows) > MOST_WINDOWS or any(one.truncated for one in windows) for windows in read
    ]
    return answers, InputCoverage(truncated, [len(windows[:MOST_WINDOWS]) for windows in read])


def _run_batches(runtime: Runtime, prepared: list[Prepared]) -> list[np.ndarray]:
    order = sorted(range(len(prepared)), key=lambda index: prepared[index].cost)
    rows = [np.empty(0)] * len(prepared)
    for start in range(0, len(order), _BATCH_SIZE):
        indices = order[start : start + _BATCH_SIZE]
        found = runtime.run([prepared[index] for index in indices], _thread_count())
        for index, one in zip(indices, found, strict=True):
            rows[index] = one
    return rows


def _thread_count() -> int:
    """As many as the worker's slot gives, which says so as OpenMP understands it."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
