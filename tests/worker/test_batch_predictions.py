"""Batch predictions in the worker, with real children and a real database of each kind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.jobs import JobState
from app.domain.predictions import BatchPrediction
from app.services.context import Context, open_context
from app.settings import Settings
from app.store import batch_predictions
from app.worker.job_kinds import BATCH_PREDICTIONS
from app.worker.run_worker import run_worker
from tests.support.batch_jobs import a_queued_batch, the_same_batch_again
from tests.support.datasets import LABELS, labelled_examples
from tests.support.models import a_text_classifier
from tests.support.waiting import wait_for

_REAL = "app.services.predict_batch:predict_batch"
_KILLED = "tests.support.batch_children:be_killed_between_parts"
_RESTING = "tests.support.batch_children:wait_between_parts"


@pytest.fixture
def context(place: Settings) -> Iterator[Context]:
    """A data folder whose batch predictions have parts of ten rows."""
    opened = open_context(place.model_copy(update={"batch_part_rows": 10}))
    yield opened
    opened.close()


@pytest.fixture
def batch(context: Context, tmp_path: Path) -> BatchPrediction:
    """A queued batch prediction of 45 labelled texts: five parts."""
    folder = a_text_classifier(tmp_path / "classifier", labels=LABELS)
    return a_queued_batch(context, folder, labelled_examples(45), LABELS)


def test_a_killed_and_resumed_job_has_the_very_bytes_of_an_undisturbed_one(
    context: Context, batch: BatchPrediction
) -> None:
    with _working(context, _KILLED):
        struck = _wait_until(context, batch, JobState.SUCCEEDED)
    assert struck.attempt == 2
    # The second attempt answered no row that the first had kept.
    kept = (context.settings.data_dir / "kept").read_text().split()
    assert kept == ["1:0", "1:1", "2:2", "2:3", "2:4"]
    calm = the_same_batch_again(context, batch)
    with _working(context, _REAL):
        undisturbed = _wait_until(context, calm, JobState.SUCCEEDED)
    assert undisturbed.attempt == 1
    assert undisturbed.results_sha256 == struck.results_sha256
    assert (struck.rows_done, struck.failure) == (45, None)
    assert struck.size_bytes == context.artifacts.path(str(struck.results_sha256)).stat().st_size
    assert list((context.settings.data_dir / "checkpoints").iterdir()) == []


def test_a_job_of_a_worker_that_stops_goes_on_in_the_next_one(
    context: Context, batch: BatchPrediction
) -> None:
    with _working(context, _RESTING):
        _wait_for_a_part(context, batch)
    waiting = _read(context, batch)
    assert (waiting.state, waiting.lease_expires_at) == (JobState.QUEUED, None)
    with _working(context, _RESTING):
        done = _wait_until(context, batch, JobState.SUCCEEDED)
    assert done.attempt == 2
    kept = (context.settings.data_dir / "kept").read_text().split()
    assert kept == ["1:0", "2:1", "2:2", "2:3", "2:4"]


def test_a_cancelled_job_ends_its_child_and_leaves_nothing(
    context: Context, batch: BatchPrediction
) -> None:
    stored = {one.digest for one in context.artifacts.stored()}
    with _working(context, _RESTING):
        _wait_for_a_part(context, batch)
        with context.sessions.begin() as session:
            batch_predictions.cancel(session, batch.id)
        wait_for(lambda: not _folder(context, batch).exists())
    cancelled = _read(context, batch)
    assert (cancelled.state, cancelled.results_sha256) == (JobState.CANCELLED, None)
    assert {one.digest for one in context.artifacts.stored()} == stored


@contextmanager
def _working(context: Context, target: str) -> Iterator[None]:
    kinds = (replace(BATCH_PREDICTIONS, target=target),)
    stop = threading.Event()
    thread = threading.Thread(target=run_worker, args=(context.settings, stop, kinds))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


def _folder(context: Context, batch: BatchPrediction) -> Path:
    return context.settings.data_dir / "checkpoints" / batch.id


def _wait_for_a_part(context: Context, batch: BatchPrediction) -> None:
    wait_for(lambda: (context.settings.data_dir / "kept").exists(), 60)


def _read(context: Context, batch: BatchPrediction) -> BatchPrediction:
    with context.readers() as session:
        found = batch_predictions.get(session, batch.id)
    assert found is not None
    return found


def _wait_until(context: Context, batch: BatchPrediction, state: JobState) -> BatchPrediction:
    def over() -> bool:
        found = _read(context, batch)
        assert found.state is state or found.finished_at is None, found.failure
        return found.state is state

    wait_for(over, 180)
    return _read(context, batch)
