"""Use cases of batch predictions: queue one, find it, give its results."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from sqlalchemy.orm import Session

from app.domain.datasets import DatasetFacts
from app.domain.enums import TEXT_KINDS, DatasetKind, Task
from app.domain.errors.predictions import (
    BatchPredictionNotFound,
    ImagesUnfit,
    ModelCannotPredict,
    RowsUnfit,
)
from app.domain.errors.requests import DroppedByRetention, NotRecorded
from app.domain.identity import new_id, now
from app.domain.models import ImageInput, ModelFacts
from app.domain.predictions import BatchPrediction, Window
from app.formats.prediction_tables import iter_csv, iter_json_lines
from app.services.context import Context
from app.services.datasets import find_dataset, ready_dataset
from app.services.models import find_model, require_windows_fit, servable_of
from app.store import batch_predictions


class ResultsFormat(StrEnum):
    """How results are given; each value is also the ending of the file's name."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


def start_batch_prediction(
    context: Context,
    session: Session,
    model: str,
    dataset: str,
    name: str | None = None,
    window: Window | None = None,
) -> BatchPrediction:
    """Queue a batch prediction, after checking that the model takes such rows.

    Raises `ModelCannotPredict`, `RecordRejected`, `RowsUnfit`, `ImagesUnfit` and `WindowUnusable`.
    """
    registered = find_model(session, model)
    servable = servable_of(session, registered)
    if servable.facts.task is Task.FEATURE_EXTRACTION:
        reason = "it is a plain encoder without labels"
        raise ModelCannotPredict(
            registered.name, reason, "Start a transfer from it to train a head."
        )
    require_windows_fit(servable.facts, window)
    rows = find_dataset(session, dataset)
    facts, _ = ready_dataset(context, rows)
    _check_fit(servable.facts, facts)
    batch = BatchPrediction(
        new_id("bpr"), registered.id, rows.id, facts.rows, now(), name, window=window
    )
    batch_predictions.insert(session, batch)
    return batch


def find_batch_prediction(session: Session, id: str) -> BatchPrediction:
    """The batch prediction by id; or `BatchPredictionNotFound`."""
    found = batch_predictions.get(session, id)
    if found is None:
        raise BatchPredictionNotFound(id)
    return found


def results_file(context: Context, batch: BatchPrediction) -> Path:
    """The Parquet file of a batch prediction that succeeded.

    Raises `DroppedByRetention` where it was kept long enough, and `NotRecorded` before there is
    one.
    """
    dropped_at = batch.results_dropped_at
    if dropped_at is not None:
        setting = "BABELPORT_KEEP_BATCH_PREDICTIONS_DAYS"
        raise DroppedByRetention(batch.id, dropped_at, "batch prediction", setting)
    if batch.results_sha256 is None:
        advice = f"It is {batch.state}; only what has succeeded has results."
        raise NotRecorded("file of results", batch.id, advice)
    return context.artifacts.path(batch.results_sha256)


def export_results(file: Path, form: ResultsFormat, exact: bool) -> Iterator[bytes]:
    """Results in another form than Parquet, a chunk at a time; `exact` as for `csv`."""
    return iter_csv(file, exact) if form is ResultsFormat.CSV else iter_json_lines(file)


def delete_batch_prediction(session: Session, id: str) -> str | None:
    """Delete the row of one that is over; returns the digest to drop after the commit.

    Raises `BatchPredictionNotOver` and `BatchPredictionNotFound`.
    """
    digest = find_batch_prediction(session, id).results_sha256
    batch_predictions.delete(session, id)
    return digest


def _check_fit(model: ModelFacts, dataset: DatasetFacts) -> None:
    kinds: tuple[DatasetKind, ...] = (DatasetKind.UNLABELLED, *TEXT_KINDS)
    if model.task is Task.IMAGE_CLASSIFICATION:
        kinds = (DatasetKind.IMAGES,)
    if dataset.kind not in kinds:
        raise RowsUnfit(dataset.kind, model.task)
    wanted, shape = model.input, dataset.image_shape
    if isinstance(wanted, ImageInput) and shape is not None and not wanted.takes(shape):
        raise ImagesUnfit(shape, (wanted.channels, wanted.height, wanted.width))
