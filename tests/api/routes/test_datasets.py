"""Datasets over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from app.client import BabelportProblem
from app.services.datasets import find_dataset
from app.store import models, transfers
from tests.support.datasets import LABELS, a_csv, an_npz, labelled_rows
from tests.support.records import a_model, a_transfer
from tests.support.service import Service


def test_a_dataset_is_read_previewed_listed_and_deleted(service: Service, tmp_path: Path) -> None:
    file = a_csv(tmp_path / "intents de.csv", labelled_rows(30, "de"))
    with file.open("rb") as opened:
        answer = httpx2.post(
            f"{service.url}/v1/datasets",
            files={"file": (file.name, opened)},
            data={"language": "DE"},
            timeout=60,
        )
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/datasets/{made['id']}"
    assert (made["status"], made["language"], made["name"]) == ("ready", "de", "intents-de")
    assert made["facts"]["rows"] == 30
    assert made["facts"]["grouped"]
    assert made["facts"]["report"]

    datasets = service.client.datasets
    rows = datasets.preview(made["id"], offset=2, limit=3)
    assert [row["row"] for row in rows["items"]] == [3, 4, 5]
    assert rows["total"] == 30
    assert [item["id"] for item in datasets.list()["items"]] == [made["id"]]
    assert len(service.stored_files()) == 1

    datasets.delete(made["id"])
    assert service.stored_files() == []
    with pytest.raises(BabelportProblem, match="no dataset") as refused:
        datasets.get(made["id"])
    assert refused.value.status == 404


def test_columns_can_be_named(service: Service, tmp_path: Path) -> None:
    file = a_csv(tmp_path / "a.csv", labelled_rows(9, "de"), columns=("was", "wie", "wo"))
    made = service.client.datasets.upload(
        file, "de", name="mine", text="was", label="wie", group="wo", kind="labelled"
    )
    assert made["name"] == "mine"
    assert made["facts"]["labels"] == sorted(LABELS)


def test_a_rejected_file_keeps_its_record_and_loses_its_bytes(
    service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("text,label\nschön,a\n".encode("latin-1"))
    with pytest.raises(BabelportProblem) as refused:
        service.client.datasets.upload(file, "de")
    assert refused.value.status == 422
    record = service.client.datasets.get(refused.value.body["id"])
    assert record["status"] == "rejected"
    assert record["rejection"]["code"] == refused.value.code
    assert record["facts"] is None
    assert service.stored_files() == []


def test_bytes_stay_as_long_as_one_record_has_them(service: Service, tmp_path: Path) -> None:
    file = an_npz(tmp_path / "digits.npz")
    datasets = service.client.datasets
    first, second = datasets.upload(file, "und"), datasets.upload(file, "und")
    assert first["sha256"] == second["sha256"]
    datasets.delete(first["id"])
    assert datasets.preview(second["id"], limit=1)["items"]
    datasets.delete(second["id"])
    assert service.stored_files() == []


def test_a_dataset_that_a_transfer_needs_is_not_deleted(
    service_on_each: Service, tmp_path: Path
) -> None:
    made = service_on_each.client.datasets.upload(a_csv(tmp_path / "a.csv"), "de")
    with service_on_each.context.sessions.begin() as session:
        model = a_model()
        models.insert(session, model)
        transfer = a_transfer(model, find_dataset(session, made["id"]))
        transfers.insert(session, transfer)
    with pytest.raises(BabelportProblem) as refused:
        service_on_each.client.datasets.delete(made["id"])
    assert refused.value.status == 409
    assert refused.value.body["errors"]["transfers"] == [transfer.id]

    service_on_each.client.transfers.cancel(transfer.id)
    service_on_each.client.datasets.delete(made["id"])
