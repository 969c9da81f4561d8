"""A transfer whose process is killed in the middle of its training ends in the same numbers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.client import Client
from app.settings import Settings
from app.store import transfers
from tests.support.datasets import LABELS, a_csv, an_npz, digit_images, labelled_rows
from tests.support.models import a_declared_digit_reader, a_text_classifier, zipped
from tests.support.service import Service, running_service, running_worker

_STEPS = {"strategy": "full", "max_steps": 250, "learning_rate": 1e-3, "batch_size": 16}


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, module_database_url: str
) -> Iterator[Service]:
    """A service with a worker whose children save their state often and give no advice."""
    folder = tmp_path_factory.mktemp("service")
    settings = Settings(
        data_dir=folder,
        database_url=module_database_url,
        checkpoint_seconds=0.05,
        advice_seconds=0,
    )
    with running_service(settings) as running, running_worker(settings):
        yield running


def _texts(client: Client, folder: Path) -> dict[str, Any]:
    model = zipped(a_text_classifier(folder / "classifier", labels=LABELS))
    rows = a_csv(folder / "train.csv", labelled_rows(90, "de"))
    return {
        "model": client.models.upload(model, name="classifier")["id"],
        "language": "de",
        "datasets": {"train": client.datasets.upload(rows, "de")["id"]},
    }


def _digits(client: Client, folder: Path) -> dict[str, Any]:
    model = zipped(a_declared_digit_reader(folder / "reader"))
    rows = an_npz(folder / "train.npz", *digit_images(200, seed=1))
    return {
        "model": client.models.upload(model, name="reader")["id"],
        "language": "bn",
        "datasets": {"train": client.datasets.upload(rows, "bn")["id"]},
    }


@pytest.mark.parametrize("of", [_texts, _digits])
def test_a_killed_and_resumed_transfer_has_every_metric_of_an_undisturbed_one(
    service: Service, tmp_path: Path, of: Callable[[Client, Path], dict[str, Any]]
) -> None:
    client = service.client
    request = of(client, tmp_path) | {"method": "fine-tune", "parameters": _STEPS, "seed": 3}
    calm = client.transfers.wait(client.transfers.start(**request)["id"])
    assert calm["state"] == "succeeded", calm["failure"]
    struck = client.transfers.start(**request)["id"]
    kinds = [event["kind"] for event in _killing_at_the_first_check(service, struck)]
    assert kinds.count("resumed") == 1
    done = client.transfers.get(struck)
    assert (done["state"], done["attempt"]) == ("succeeded", 2)
    assert [t["outcome"] for t in client.transfers.attempts(struck)["items"]] == [
        "died",
        "succeeded",
    ]
    assert _metrics(client, struck) == _metrics(client, calm["id"])
    assert _digest(client, done) == _digest(client, calm)


def _killing_at_the_first_check(service: Service, id: str) -> Iterator[dict[str, Any]]:
    killed = False
    for event in service.client.transfers.events(id):
        if event["kind"] == "check" and not killed:
            killed = True
            with service.context.readers() as session:
                running = transfers.get(session, id)
            assert running is not None
            assert running.process_group is not None
            os.killpg(running.process_group, signal.SIGKILL)
        yield event


def _metrics(client: Client, id: str) -> dict[str, Any]:
    return {e["kind"]: e["metrics"] for e in client.evaluations.of(id)["items"]}


def _digest(client: Client, transfer: dict[str, Any]) -> str:
    digest: str = client.models.get(transfer["model_id"])["sha256"]
    return digest
