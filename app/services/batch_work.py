"""The work of a batch prediction: every row is asked about, and the answers become one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from app.domain.batch_predictions import BatchPrediction
from app.domain.datasets import Dataset
from app.domain.errors.batch_predictions import PredictionInputsGone
from app.domain.serving import Servable
from app.formats.batch_results import results_table
from app.formats.rows_to_ask import RowsToAsk, open_rows
from app.learn.finite_answers import require_finite
from app.learn.objectives.catalog import objective_for
from app.learn.objectives.contract import Objective
from app.runtimes.contract import Runtime
from app.runtimes.open_runtime import open_runtime
from app.services.batch_answers import answer_all
from app.services.batch_parts import BatchParts
from app.services.checkpoint_folders import open_checkpoint_folder
from app.services.context import Context
from app.services.running.material import fitting_inputs
from app.services.servables import servable_of
from app.store import datasets, models
from app.store.patience import patiently


@dataclass(frozen=True)
class _Opened:
    servable: Servable
    runtime: Runtime
    objective: Objective
    rows: Callable[[int, int], RowsToAsk]
    about: dict[str, Any]


def answer_dataset(
    context: Context, batch: BatchPrediction, note: Callable[[int], None], file: Path
) -> None:
    """Ask about every row and write the results into `file`.

    Goes on behind the last part that earlier attempts kept. `note` gets the number of rows done
    after each part and may raise to end the work. Raises `PredictionInputsGone` when a record was
    deleted meanwhile, and `AnswerNotFinite`, which names rows.
    """
    opened = _open(context, batch)
    parts = _open_parts(context, batch, opened.about)
    for number, start, end in parts.missing():
        note(start)
        rows = opened.rows(start, end)
        inputs = fitting_inputs(rows.inputs, opened.servable.facts)
        probabilities, reading = answer_all(opened.runtime, opened.objective, inputs, batch.window)
        name = f"The model {opened.servable.name}"
        require_finite(probabilities, name, partial(_row, rows.numbers))
        windows = None if batch.window is None else reading.windows
        table = results_table(
            rows, probabilities, reading.truncated, opened.objective, opened.about, windows
        )
        parts.keep(number, table)
    note(batch.rows)
    parts.join(file)


def _row(numbers: Sequence[int], position: int) -> str:
    return f"row {numbers[position]}"


def _open(context: Context, batch: BatchPrediction) -> _Opened:
    servable, dataset = patiently(
        context.readers, partial(_read, batch), context.settings.database_patience_seconds
    )
    if dataset.facts is None or dataset.sha256 is None:
        raise PredictionInputsGone([batch.dataset_id])
    runtime = open_runtime(context.settings, context.artifacts, servable)
    rows = open_rows(context.artifacts.path(dataset.sha256), dataset.facts, servable.facts)
    objective = objective_for(servable.facts.task, servable.facts.labels)
    return _Opened(servable, runtime, objective, rows, _about(servable, runtime, dataset.id))


def _read(batch: BatchPrediction, session: Session) -> tuple[Servable, Dataset]:
    model, dataset = models.get(session, batch.model_id), datasets.get(session, batch.dataset_id)
    if model is None or dataset is None:
        raise PredictionInputsGone([batch.model_id if model is None else batch.dataset_id])
    return servable_of(session, model), dataset


def _about(servable: Servable, runtime: Runtime, dataset_id: str) -> dict[str, Any]:
    """What is kept with the results; parts of another engine are not mixed with these."""
    return {
        "model_id": servable.id,
        "model": f"{servable.name}@{servable.version}",
        "dataset_id": dataset_id,
        "labels": list(servable.facts.labels),
        "engine": runtime.engine,
        "precision": runtime.precision,
    }


def _open_parts(context: Context, batch: BatchPrediction, about: dict[str, Any]) -> BatchParts:
    folder, saved = open_checkpoint_folder(context, batch.id, batch.attempt)
    return BatchParts(folder, batch.rows, context.settings.batch_part_rows, about, saved)
