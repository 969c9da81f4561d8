"""Models over HTTP."""

from __future__ import annotations

import zipfile
from pathlib import Path

import httpx2
import pytest

from app.client import BabelportProblem
from tests.support.bridged_models import a_bridged_encoder
from tests.support.claimed_transfers import register_model
from tests.support.models import a_declared_digit_reader, a_text_classifier, zipped
from tests.support.records import a_dataset, a_model, a_transfer
from tests.support.service import Service


@pytest.fixture(scope="module")
def digit_reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A digit reader's zip."""
    return zipped(a_declared_digit_reader(tmp_path_factory.mktemp("models") / "digits"))


def test_a_model_is_read_listed_downloaded_and_deleted(
    service: Service, digit_reader: Path, tmp_path: Path
) -> None:
    with digit_reader.open("rb") as opened:
        answer = httpx2.post(
            f"{service.url}/v1/models",
            files={"file": ("digits.zip", opened)},
            data={"name": "reader", "language": "en-Latn"},
            timeout=60,
        )
    made = answer.json()
    assert answer.status_code == 201, made
    assert answer.headers["Location"] == f"/v1/models/{made['id']}"
    assert (made["name"], made["version"], made["status"]) == ("reader", 1, "ready")
    assert made["languages"] == ["en"]
    assert made["facts"]["task"] == "image-classification"
    assert (made["facts"]["input"]["height"], made["facts"]["input"]["channels"]) == (28, 1)

    models = service.client.models
    second = models.upload(digit_reader, name="reader")
    assert second["version"] == 2
    assert models.get("reader")["id"] == second["id"]
    assert models.get("reader@1")["id"] == made["id"]
    assert [m["version"] for m in models.list(name="reader")["items"]] == [2, 1]
    page = models.list(limit=1)
    assert models.list(limit=1, cursor=page["next_cursor"])["items"][0]["id"] == made["id"]
    assert models.lineage("reader")["items"] == []

    copy = models.download("reader@1", tmp_path / "copy.zip")
    assert copy.read_bytes() == digit_reader.read_bytes()

    models.delete("reader@1")
    assert models.download("reader", tmp_path / "again.zip").stat().st_size
    models.delete("reader")
    assert service.stored_files() == []


def test_a_bridged_model_is_downloaded_in_other_forms(service: Service, tmp_path: Path) -> None:
    register_model(service.context, a_bridged_encoder(tmp_path / "m"), "bridged")
    models, file = service.client.models, tmp_path / "other.zip"
    models.download("bridged", file, "onnx")
    assert {"model.onnx", "tokenizer.json", "README.md"} <= _names(file)
    models.download("bridged", file, "sentence-transformers", "sw")
    assert {"modules.json", "1_Pooling/config.json", "README.md"} <= _names(file)
    exports = service.context.settings.data_dir / "exports"
    assert len(list(exports.iterdir())) == 2

    with pytest.raises(BabelportProblem) as refused:
        models.download("bridged", file, "sentence-transformers", "de")
    assert (refused.value.status, refused.value.code) == (422, "language-not-in-bridge")
    assert refused.value.body["errors"]["known"] == ["en", "sw"]
    with pytest.raises(BabelportProblem) as refused:
        models.download("bridged", file, "onnx", "sw")
    assert (refused.value.status, refused.value.code) == (422, "request-invalid")

    models.delete("bridged")
    assert list(exports.iterdir()) == []


def test_a_text_model_says_how_it_cuts_a_dataset(service: Service, tmp_path: Path) -> None:
    from tests.support.datasets import a_csv

    service.client.models.upload(zipped(a_text_classifier(tmp_path / "m")), name="intents")
    dataset = service.client.datasets.upload(a_csv(tmp_path / "a.csv"), "en")
    assert "token_fertility" in service.client.datasets.get(dataset["id"])
    fertility = service.client.datasets.get(dataset["id"], model="intents")["token_fertility"]
    assert fertility["tokens_per_word"] >= 1
    assert (fertility["max_tokens"], fertility["truncated_share"]) == (64, 0.0)


def test_a_rejected_model_keeps_its_record_and_loses_its_bytes(
    service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "network.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("pytorch_model.bin", b"\x80\x04would run code")
        archive.writestr("config.json", "{}")
    with pytest.raises(BabelportProblem) as refused:
        service.client.models.upload(file, name="danger")
    assert (refused.value.status, refused.value.code) == (422, "format-runs-code")
    assert "babelport convert" in refused.value.advice
    record = service.client.models.get(refused.value.body["id"])
    assert (record["status"], record["sha256"]) == ("rejected", None)
    assert service.stored_files() == []
    with pytest.raises(BabelportProblem) as refused:
        service.client.models.get("danger")  # a name means its newest ready version
    assert refused.value.code == "model-not-found"
    with pytest.raises(BabelportProblem) as refused:
        service.client.models.download(record["id"], tmp_path / "x")
    assert refused.value.code == "not-recorded"


def test_a_model_in_use_is_not_deleted(service: Service) -> None:
    from app.store import datasets, models, transfers

    model, dataset = a_model(), a_dataset()
    transfer = a_transfer(model, dataset)
    with service.context.sessions.begin() as session:
        models.insert(session, model)
        datasets.insert(session, dataset)
        transfers.insert(session, transfer)
    with pytest.raises(BabelportProblem) as refused:
        service.client.models.delete(model.id)
    assert (refused.value.status, refused.value.code) == (409, "needed-by-transfers")
    assert service.client.models.get(model.id)["id"] == model.id


def test_the_lineage_names_transfers_and_outlives_a_deleted_ancestor(service: Service) -> None:
    from app.store import datasets, models, transfers

    first, dataset = a_model(), a_dataset()
    transfer = a_transfer(first, dataset)
    second = a_model(version=2, parent_id=first.id, transfer_id=transfer.id)
    third = a_model(version=3, parent_id=second.id)
    with service.context.sessions.begin() as session:
        for model in (first, second, third):
            models.insert(session, model)
        datasets.insert(session, dataset)
        transfers.insert(session, transfer)
        transfers.cancel(session, transfer.id)
    service.client.models.delete(first.id)
    nearest, farthest = service.client.models.lineage(third.id)["items"]
    assert nearest["model"]["id"] == second.id
    assert (farthest["id"], farthest["model"]) == (first.id, None)
    assert (farthest["method"], farthest["language"]) == ("fine-tune", "de")


def _names(file: Path) -> set[str]:
    with zipfile.ZipFile(file) as archive:
        return set(archive.namelist())
