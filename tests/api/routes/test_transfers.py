"""Starting transfers over HTTP; what can be known to fail is refused before it is queued."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.client import BabelportProblem, Client
from app.domain.enums import DatasetKind, ModelStatus, Task
from app.domain.models import ImageInput
from app.store import datasets, models
from tests.support.datasets import LABELS, a_csv, labelled_rows
from tests.support.records import a_dataset, a_model
from tests.support.service import Service


def _add_records(service: Service) -> None:
    """Models and datasets without bytes: enough for checks that read facts alone."""
    text, images = a_model(id="mdl_text"), a_model(id="mdl_images", version=2)
    assert text.facts is not None
    shape = ImageInput(1, 28, 28, (0.0,), (1.0,))
    task = Task.IMAGE_CLASSIFICATION
    images = replace(images, facts=replace(text.facts, input=shape, task=task))
    rejected = a_model(id="mdl_bad", version=3, status=ModelStatus.REJECTED, facts=None)
    rows = a_dataset(id="dst_rows")
    assert rows.facts is not None
    pictures = replace(rows.facts, kind=DatasetKind.IMAGES, image_shape=(1, 44, 44), rows=20)
    with service.context.sessions.begin() as session:
        for model in (text, images, replace(rejected, sha256=None)):
            models.insert(session, model)
        datasets.insert(session, rows)
        datasets.insert(session, a_dataset(id="dst_few", facts=replace(rows.facts, rows=1)))
        datasets.insert(session, a_dataset(id="dst_images", facts=pictures))


@pytest.fixture(scope="module")
def service_with_records(quiet_service: Service) -> Service:
    """A service for all tests of this file that start no transfer."""
    _add_records(quiet_service)
    return quiet_service


def _request(**changes: Any) -> dict[str, Any]:
    request: dict[str, Any] = {
        "model": "mdl_text",
        "language": "de",
        "datasets": {"train": "dst_rows"},
        "method": "fine-tune",
    }
    return request | changes


def test_a_transfer_is_queued_with_its_defaults_filled_in(service: Service) -> None:
    _add_records(service)
    made = service.client.transfers.start(**_request(model="tickets@1", language="DE"))
    assert made["state"] == "queued"
    assert (made["spec"]["model_id"], made["spec"]["language"]) == ("mdl_text", "de")
    assert made["spec"]["parameters"]["strategy"] == "lp-ft"
    assert service.client.transfers.get(made["id"]) == made
    assert service.client.transfers.list(model="mdl_text")["items"] == [made]
    assert service.client.transfers.list(state="running")["items"] == []


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"model": "nobody"}, 404, "model-not-found"),
        ({"model": "tickets@9"}, 404, "model-not-found"),
        ({"model": "mdl_bad"}, 422, "record-rejected"),
        ({"datasets": {"train": "dst_none"}}, 404, "dataset-not-found"),
        ({"datasets": {"training": "dst_rows"}}, 422, "request-invalid"),
        ({"datasets": {}}, 422, "roles-invalid"),
        ({"datasets": {"train": "dst_rows", "source": "dst_rows"}}, 422, "roles-invalid"),
        ({"method": "joint"}, 422, "roles-invalid"),
        ({"method": "alchemy"}, 404, "method-unknown"),
        ({"language": "jp"}, 422, "language-unknown"),
        ({"language": "fr"}, 422, "language-differs"),
        ({"parameters": {"epochs": 0}}, 422, "parameters-invalid"),
        ({"parameters": {"epoch": 3}}, 422, "parameters-invalid"),
        ({"datasets": {"train": "dst_images"}}, 422, "kind-unfit"),
        ({"model": "mdl_images"}, 422, "kind-unfit"),
        (
            {"model": "mdl_images", "datasets": {"train": "dst_images"}},
            422,
            "image-shape-unfit",
        ),
        ({"datasets": {"train": "dst_few"}}, 422, "too-few-rows"),
        ({"sample": {"rows": 99}}, 422, "too-few-rows"),
        ({"sample": {"per_class": 0}}, 422, "request-invalid"),
        ({"validation_fraction": 0.5, "test_fraction": 0.5}, 422, "fractions-too-large"),
        ({"repeats": 0}, 422, "request-invalid"),
        ({"surprise": 1}, 422, "request-invalid"),
    ],
)
def test_what_cannot_work_is_refused_at_once(
    service_with_records: Service, changes: dict[str, Any], status: int, code: str
) -> None:
    client = service_with_records.client
    with pytest.raises(BabelportProblem) as refused:
        client.transfers.start(**_request(**changes))
    assert (refused.value.status, refused.value.code) == (status, code)
    assert refused.value.advice
    assert client.transfers.list()["items"] == []


def test_a_label_that_the_model_does_not_know_is_named_with_its_row(
    service: Service, tmp_path: Path
) -> None:
    _add_records(service)
    rows = [*labelled_rows(30, "de", LABELS), ("noch eins", "musik", "g")]
    made = service.client.datasets.upload(a_csv(tmp_path / "a.csv", rows), "de")
    known = replace(a_model(id="mdl_known", version=9))
    assert known.facts is not None
    with service.context.sessions.begin() as session:
        models.insert(session, replace(known, facts=replace(known.facts, labels=LABELS)))
    with pytest.raises(BabelportProblem) as refused:
        service.client.transfers.start(
            **_request(model="mdl_known", datasets={"train": made["id"]})
        )
    assert refused.value.code == "label-unknown-to-model"
    assert refused.value.body["errors"]["labels"] == {"musik": 31}


def test_the_same_key_starts_one_transfer_however_often_it_is_sent(
    service_on_each: Service,
) -> None:
    _add_records(service_on_each)

    def start(_: int) -> str:
        with Client(service_on_each.url) as client:
            made = client.transfers.start(**_request(), idempotency_key="once")
        return str(made["id"])

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(start, range(8)))) == 1
    assert len(service_on_each.client.transfers.list()["items"]) == 1
    with pytest.raises(BabelportProblem) as refused:
        service_on_each.client.transfers.start(**_request(seed=1), idempotency_key="once")
    assert (refused.value.status, refused.value.code) == (409, "idempotency-key-reused")


def test_cancelling_a_queued_transfer_ends_it_and_again_changes_nothing(service: Service) -> None:
    _add_records(service)
    made = service.client.transfers.start(**_request())
    cancelled = service.client.transfers.cancel(made["id"])
    assert cancelled["state"] == "cancelled"
    assert service.client.transfers.cancel(made["id"]) == cancelled
    with pytest.raises(BabelportProblem) as refused:
        service.client.transfers.cancel("trf_none")
    assert refused.value.status == 404


def test_an_unfinished_transfer_has_no_evaluations_and_no_split(service: Service) -> None:
    _add_records(service)
    made = service.client.transfers.start(**_request())
    assert service.client.evaluations.of(made["id"])["items"] == []
    with pytest.raises(BabelportProblem) as refused:
        service.client.transfers.split(made["id"])
    assert (refused.value.status, refused.value.code) == (404, "not-recorded")
