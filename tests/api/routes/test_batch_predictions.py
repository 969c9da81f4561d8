"""Batch predictions over HTTP, as far as they go without a worker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.client import BabelportProblem
from app.domain.datasets import DatasetFacts
from app.domain.enums import DatasetKind, ModelStatus, Task
from app.domain.identity import now
from app.domain.models import ImageInput
from app.store import batch_predictions, datasets, job_queue, models, retention
from tests.support.records import a_dataset, a_model
from tests.support.service import Service

_DIGITS = ImageInput(channels=1, height=28, width=28, mean=(0.0,), std=(1.0,))


@dataclass(frozen=True)
class Records:
    """A service, and ids of its model and its datasets by kind."""

    service: Service
    model: str
    datasets: dict[str, str]


@pytest.fixture
def records(service_on_each: Service) -> Records:
    """A text classifier, and a dataset of every kind, none of which has any bytes."""
    model = a_model()
    made = {kind: a_dataset(facts=_facts(kind)) for kind in DatasetKind}
    with service_on_each.context.sessions.begin() as session:
        models.insert(session, model)
        for dataset in made.values():
            datasets.insert(session, dataset)
    return Records(service_on_each, model.id, {kind: one.id for kind, one in made.items()})


def _facts(kind: DatasetKind) -> DatasetFacts:
    shape = (1, 28, 28) if kind is DatasetKind.IMAGES else None
    return DatasetFacts(kind, 4, ("no", "yes"), False, shape)


def _a_model_of(records: Records, **facts: Any) -> str:
    model = a_model(name="other")
    assert model.facts is not None
    model = replace(model, facts=replace(model.facts, **facts))
    with records.service.context.sessions.begin() as session:
        models.insert(session, model)
    return model.id


def _nothing_is_queued(records: Records) -> bool:
    return records.service.client.batch_predictions.list()["items"] == []


def test_a_batch_prediction_is_queued_read_listed_cancelled_and_deleted(records: Records) -> None:
    batches = records.service.client.batch_predictions
    batch = batches.start("tickets", records.datasets["labelled"], name="monday")
    assert (batch["state"], batch["rows"], batch["rows_done"]) == ("queued", 4, 0)
    assert (batch["model_id"], batch["name"]) == (records.model, "monday")
    assert batches.get(batch["id"]) == batch
    assert batches.list(state="queued", model="tickets")["items"] == [batch]
    assert batches.list(state="running")["items"] == []
    with pytest.raises(BabelportProblem) as refused:
        batches.delete(batch["id"])
    assert (refused.value.status, refused.value.code) == (409, "batch-prediction-not-over")
    assert batches.cancel(batch["id"])["state"] == "cancelled"
    batches.delete(batch["id"])
    with pytest.raises(BabelportProblem) as refused:
        batches.get(batch["id"])
    assert (refused.value.status, refused.value.code) == (404, "batch-prediction-not-found")


def test_the_answer_says_where_it_is_and_one_key_starts_one(records: Records) -> None:
    body = {"model": "tickets", "dataset": records.datasets["unlabelled"]}
    address = f"{records.service.url}/v1/batch-predictions"
    headers = {"Idempotency-Key": "once"}
    first, second = (httpx2.post(address, json=body, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert first.headers["Location"] == f"/v1/batch-predictions/{first.json()['id']}"
    other = httpx2.post(address, json=body | {"name": "x"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-reused")
    assert len(records.service.client.batch_predictions.list()["items"]) == 1


@pytest.mark.parametrize("kind", ["parallel", "dictionary", "images"])
def test_rows_that_are_no_texts_are_refused_and_nothing_is_queued(
    records: Records, kind: str
) -> None:
    with pytest.raises(BabelportProblem) as refused:
        records.service.client.batch_predictions.start("tickets", records.datasets[kind])
    assert (refused.value.status, refused.value.code) == (422, "rows-unfit")
    assert _nothing_is_queued(records)


@pytest.mark.parametrize("kind", sorted(set(DatasetKind) - {DatasetKind.IMAGES}))
def test_a_model_of_images_is_asked_about_images_alone(records: Records, kind: str) -> None:
    model = _a_model_of(records, task=Task.IMAGE_CLASSIFICATION, input=_DIGITS)
    batches = records.service.client.batch_predictions
    with pytest.raises(BabelportProblem) as refused:
        batches.start(model, records.datasets[kind])
    assert (refused.value.status, refused.value.code) == (422, "rows-unfit")
    assert _nothing_is_queued(records)
    assert batches.start(model, records.datasets["images"])["state"] == "queued"


@pytest.mark.parametrize("task", [Task.TEXT_CLASSIFICATION, Task.TOKEN_CLASSIFICATION])
@pytest.mark.parametrize("kind", ["labelled", "multi_labelled", "tokens", "unlabelled"])
def test_a_model_of_texts_is_asked_about_any_texts(records: Records, kind: str, task: Task) -> None:
    model = _a_model_of(records, task=task)
    batches = records.service.client.batch_predictions
    assert batches.start(model, records.datasets[kind])["state"] == "queued"


def test_images_of_another_shape_are_refused(records: Records) -> None:
    small = replace(_DIGITS, height=8, width=8)
    model = _a_model_of(records, task=Task.IMAGE_CLASSIFICATION, input=small)
    batches, images = records.service.client.batch_predictions, records.datasets["images"]
    with pytest.raises(BabelportProblem) as refused:
        batches.start(model, images)
    assert (refused.value.status, refused.value.code) == (422, "images-unfit")
    assert _nothing_is_queued(records)


def test_a_plain_encoder_cannot_be_asked(records: Records) -> None:
    model = _a_model_of(records, task=Task.FEATURE_EXTRACTION, labels=())
    with pytest.raises(BabelportProblem) as refused:
        records.service.client.batch_predictions.start(model, records.datasets["labelled"])
    assert (refused.value.status, refused.value.code) == (409, "model-cannot-predict")
    assert _nothing_is_queued(records)


def test_what_was_rejected_or_is_not_there_is_refused(records: Records) -> None:
    batches, rows = records.service.client.batch_predictions, records.datasets["labelled"]
    rejected = {"facts": None, "sha256": None, "rejection": {"code": "x"}}
    model = a_model(name="rejected", status=ModelStatus.REJECTED, **rejected)
    dataset = a_dataset(status=ModelStatus.REJECTED, **rejected)
    with records.service.context.sessions.begin() as session:
        models.insert(session, model)
        datasets.insert(session, dataset)
    for reference, dataset_reference, code in [
        (model.id, rows, "model-cannot-predict"),
        ("tickets", dataset.id, "record-rejected"),
        ("nobody", rows, "model-not-found"),
        ("tickets", "dst_none", "dataset-not-found"),
    ]:
        with pytest.raises(BabelportProblem) as refused:
            batches.start(reference, dataset_reference)
        assert refused.value.code == code
    assert _nothing_is_queued(records)


def test_model_and_dataset_of_a_queued_one_cannot_be_deleted(records: Records) -> None:
    client, dataset = records.service.client, records.datasets["labelled"]
    batch = client.batch_predictions.start("tickets", dataset)
    for delete, id in ((client.models.delete, records.model), (client.datasets.delete, dataset)):
        with pytest.raises(BabelportProblem) as refused:
            delete(id)
        assert (refused.value.status, refused.value.code) == (409, "needed-by-batch-predictions")
    client.batch_predictions.cancel(batch["id"])
    client.models.delete(records.model)
    client.datasets.delete(dataset)
    assert client.batch_predictions.get(batch["id"])["dataset_id"] == dataset


def test_results_that_are_not_there_say_why(records: Records, tmp_path: Path) -> None:
    batches, context = records.service.client.batch_predictions, records.service.context
    id = batches.start("tickets", records.datasets["labelled"])["id"]

    def refusal() -> tuple[str, str]:
        with pytest.raises(BabelportProblem) as refused:
            batches.results(id, tmp_path / "results", format="csv")
        assert refused.value.status == 404
        assert not (tmp_path / "results").exists()
        return refused.value.code, refused.value.advice

    code, advice = refusal()
    assert code == "not-recorded"
    assert "queued" in advice
    with context.sessions.begin() as session:
        job_queue.claim(session, batch_predictions.KIND, "host/1/a", 60, 3)
        batch_predictions.succeed(session, id, 1, "e" * 64, 9)
        assert retention.drop_results(session, [id], now()) == ["e" * 64]
    code, advice = refusal()
    assert code == "dropped-by-retention"
    assert "BABELPORT_KEEP_BATCH_PREDICTIONS_DAYS" in advice


def test_an_unknown_format_is_refused(records: Records, tmp_path: Path) -> None:
    batches = records.service.client.batch_predictions
    id = batches.start("tickets", records.datasets["labelled"])["id"]
    with pytest.raises(BabelportProblem) as refused:
        batches.results(id, tmp_path / "results", format="xlsx")
    assert refused.value.status == 422


def test_a_window_is_kept_for_models_that_classify_texts_and_refused_for_others(
    records: Records,
) -> None:
    batches, rows = records.service.client.batch_predictions, records.datasets["labelled"]
    assert batches.start("tickets", rows)["window"] is None
    batch = batches.start("tickets", rows, window={"pool": "vote"})
    assert batches.get(batch["id"])["window"] == {"pool": "vote", "stride": 64}
    tagger = _a_model_of(records, task=Task.TOKEN_CLASSIFICATION)
    with pytest.raises(BabelportProblem) as refused:
        batches.start(tagger, rows, window={})
    assert (refused.value.status, refused.value.code) == (422, "window-unusable")
