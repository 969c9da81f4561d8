"""Batch predictions in the database, on both kinds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.domain.errors.predictions import (
    BatchPredictionNotFound,
    BatchPredictionNotOver,
    NeededByBatchPredictions,
    PredictionInputsGone,
)
from app.domain.errors.transfers import LeaseLost
from app.domain.identity import new_id
from app.domain.jobs import JobState
from app.store import batch_predictions, datasets, job_queue, models
from tests.support.records import queue_a_batch_prediction

Sessions = sessionmaker[Session]


def test_a_batch_prediction_comes_back_as_it_was_queued(sessions: Sessions) -> None:
    with sessions.begin() as session:
        batch = queue_a_batch_prediction(session, name="monday's tickets")
        assert batch_predictions.get(session, batch.id) == batch
        assert batch_predictions.get(session, "bpr_none") is None


def test_one_without_its_model_or_dataset_is_not_queued(sessions: Sessions) -> None:
    with sessions() as session:
        batch = queue_a_batch_prediction(session)
        lacking = replace(batch, id=new_id("bpr"), model_id="mdl_none", dataset_id="dst_none")
        with pytest.raises(PredictionInputsGone) as refused:
            batch_predictions.insert(session, lacking)
    assert refused.value.fields["ids"] == ["mdl_none", "dst_none"]


def test_pages_are_of_one_state_and_one_model_and_the_newest_comes_first(
    sessions: Sessions,
) -> None:
    with sessions() as session:
        older, newer = queue_a_batch_prediction(session), queue_a_batch_prediction(session)
        job_queue.claim(session, batch_predictions.KIND, "host/1/a", 60, 3)
        first = batch_predictions.page(session, 1)
        assert [one.id for one in first.items] == [newer.id]
        second = batch_predictions.page(session, 1, first.next_cursor)
        assert [one.id for one in second.items] == [older.id]
        assert second.next_cursor is None
        running = batch_predictions.page(session, 9, state=JobState.RUNNING)
        assert [one.id for one in running.items] == [older.id]
        of_model = batch_predictions.page(session, 9, model_id=newer.model_id)
        assert [one.id for one in of_model.items] == [newer.id]


def test_the_first_attempt_says_when_it_began_and_no_later_one(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_batch_prediction(session).id
        job_queue.claim(session, batch_predictions.KIND, "host/1/a", -1, 3)
        batch_predictions.record_rows_done(session, id, 1, 2)
        began = batch_predictions.get(session, id)
        job_queue.claim(session, batch_predictions.KIND, "host/1/a", 60, 3)
        batch_predictions.record_rows_done(session, id, 2, 3)
        again = batch_predictions.get(session, id)
    assert began is not None
    assert again is not None
    assert began.started_at is not None
    assert (again.started_at, again.attempt) == (began.started_at, 2)
    assert (began.rows_done, again.rows_done) == (2, 3)


@pytest.mark.parametrize("running", [False, True], ids=["queued", "running"])
def test_a_cancelled_one_is_over_and_its_holder_writes_nothing_more(
    sessions: Sessions, running: bool
) -> None:
    with sessions() as session:
        id = queue_a_batch_prediction(session).id
        if running:
            job_queue.claim(session, batch_predictions.KIND, "host/1/a", 60, 3)
        cancelled = batch_predictions.cancel(session, id)
        assert (cancelled.state, cancelled.lease_expires_at) == (JobState.CANCELLED, None)
        assert cancelled.finished_at is not None
        assert batch_predictions.cancel(session, id) == cancelled
        assert job_queue.claim(session, batch_predictions.KIND, "host/1/a", 60, 3) is None
        with pytest.raises(LeaseLost):
            batch_predictions.succeed(session, id, 1, "e" * 64, 9)


def test_only_what_is_over_is_deleted(sessions: Sessions) -> None:
    with sessions() as session:
        id = queue_a_batch_prediction(session).id
        with pytest.raises(BatchPredictionNotOver):
            batch_predictions.delete(session, id)
        batch_predictions.cancel(session, id)
        batch_predictions.delete(session, id)
        assert batch_predictions.get(session, id) is None
        for ask in (batch_predictions.delete, batch_predictions.cancel):
            with pytest.raises(BatchPredictionNotFound):
                ask(session, id)


def test_model_and_dataset_stay_as_long_as_the_job_is_not_over(sessions: Sessions) -> None:
    with sessions() as session:
        batch = queue_a_batch_prediction(session)
        for delete, id in ((models.delete, batch.model_id), (datasets.delete, batch.dataset_id)):
            with pytest.raises(NeededByBatchPredictions) as refused:
                delete(session, id)
            assert refused.value.fields["batch_predictions"] == [batch.id]
        batch_predictions.cancel(session, batch.id)
        models.delete(session, batch.model_id)
        datasets.delete(session, batch.dataset_id)
        assert batch_predictions.get(session, batch.id) is not None
