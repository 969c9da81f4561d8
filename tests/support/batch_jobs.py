"""Builds everything that a batch prediction needs, without HTTP."""

from __future__ import annotations

from pathlib import Path

from app.domain.identity import new_id, now
from app.domain.predictions import BatchPrediction
from app.learn.data.examples import Examples
from app.services.context import Context
from app.store import batch_predictions, datasets, models
from tests.support.claimed_transfers import store_model, store_rows


def a_queued_batch(
    context: Context, folder: Path, rows: Examples, labels: tuple[str, ...]
) -> BatchPrediction:
    """Register the model in `folder` and the rows, and queue a batch prediction of them."""
    model, dataset = store_model(context, folder), store_rows(context, rows, labels)
    with context.sessions.begin() as session:
        models.insert(session, model)
        datasets.insert(session, dataset)
        batch = BatchPrediction(new_id("bpr"), model.id, dataset.id, len(rows), now())
        batch_predictions.insert(session, batch)
    return batch


def the_same_batch_again(context: Context, batch: BatchPrediction) -> BatchPrediction:
    """Another batch prediction of the same model and dataset, queued."""
    again = BatchPrediction(new_id("bpr"), batch.model_id, batch.dataset_id, batch.rows, now())
    with context.sessions.begin() as session:
        batch_predictions.insert(session, again)
    return again
