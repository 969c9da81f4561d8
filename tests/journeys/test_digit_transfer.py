"""A digit reader moved to other digits with few images of each, and transfers cut short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.client import BabelportProblem
from tests.support.datasets import an_npz, digit_images
from tests.support.models import a_declared_digit_reader, zipped
from tests.support.service import Service


@pytest.fixture(scope="module")
def request_for_digits(
    working_service: Service, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """A request whose model and datasets are registered."""
    folder, client = tmp_path_factory.mktemp("digits"), working_service.client
    model = zipped(a_declared_digit_reader(folder / "reader"))
    x, y = digit_images(200, seed=1)
    train = an_npz(folder / "train.npz", x[:140], y[:140])
    test = an_npz(folder / "test.npz", x[140:], y[140:])
    return {
        "model": client.models.upload(model, name="reader")["id"],
        "language": "bn",
        "method": "fine-tune",
        "datasets": {
            "train": client.datasets.upload(train, "bn")["id"],
            "test": client.datasets.upload(test, "bn")["id"],
        },
        "parameters": {"strategy": "full", "max_steps": 60, "augment": False},
    }


def test_repeats_with_few_images_of_each_digit_report_their_spread(
    working_service: Service, request_for_digits: dict[str, Any]
) -> None:
    client = working_service.client
    few = {"sample": {"per_class": 5}, "repeats": 2, "name": "bangla"}
    ended = client.transfers.wait(client.transfers.start(**request_for_digits, **few)["id"])
    assert ended["state"] == "succeeded", ended["failure"]
    assert client.models.get("bangla")["id"] == ended["model_id"]
    scores = {e["kind"]: e for e in client.evaluations.of(ended["id"])["items"]}
    assert scores["transferred"]["rows"] == 60
    ours = scores["transferred"]["metrics"]["accuracy"]["value"]
    assert ours > scores["majority"]["metrics"]["accuracy"]["value"]
    assert ended["result"]["spread"]


def test_a_cancelled_transfer_keeps_its_source_model(
    working_service: Service, request_for_digits: dict[str, Any]
) -> None:
    client = working_service.client
    endless = request_for_digits | {
        "parameters": {"strategy": "full", "max_steps": 1_000_000, "epochs": 10_000},
        "validation_fraction": 0,
    }
    transfer = client.transfers.start(**endless)["id"]
    for event in client.transfers.events(transfer):
        if event["kind"] == "progress":
            client.transfers.cancel(transfer)
            break
    ended = client.transfers.wait(transfer)
    assert ended["state"] == "cancelled"
    assert (ended["model_id"], ended["result"]) == (None, None)
    assert client.models.get(endless["model"])["status"] == "ready"
    assert client.evaluations.of(transfer)["items"] == []
    assert list(working_service.context.artifacts.temporary.iterdir()) == []


def test_what_a_running_transfer_needs_is_not_deleted(
    working_service: Service, request_for_digits: dict[str, Any]
) -> None:
    client = working_service.client
    transfer = client.transfers.start(**request_for_digits)["id"]
    for what, id in (
        (client.models, request_for_digits["model"]),
        (client.datasets, request_for_digits["datasets"]["train"]),
    ):
        with pytest.raises(BabelportProblem) as refused:
            what.delete(id)
        assert (refused.value.status, refused.value.code) == (409, "needed-by-transfers")
    client.transfers.cancel(transfer)
    assert client.transfers.wait(transfer)["state"] == "cancelled"


def test_images_of_another_shape_are_refused_before_they_are_queued(
    working_service: Service, request_for_digits: dict[str, Any], tmp_path: Path
) -> None:
    client = working_service.client
    x, y = digit_images(40, size=44)
    other = client.datasets.upload(an_npz(tmp_path / "x.npz", x, y), "bn")["id"]
    with pytest.raises(BabelportProblem) as refused:
        client.transfers.start(**request_for_digits | {"datasets": {"train": other}})
    assert refused.value.code == "image-shape-unfit"
